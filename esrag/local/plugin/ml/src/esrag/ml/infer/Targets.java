package esrag.ml.infer;

import esrag.ml.Kept;
import esrag.ml.node.Deployment;
import esrag.ml.node.MlNodeClient;
import esrag.ml.node.MlNodeException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/**
 * Finds the running deployment that an id names: a deployment id first, then the id of a model with
 * a deployment. On a cluster the assignments in the cluster state answer this.
 *
 * <p>What was found is kept until something changes or the ML node process disagrees, so that a
 * search costs one call and not three.
 */
public final class Targets {
  private final MlNodeClient node;
  private final NamedXContentRegistry registry;
  private final Map<String, Kept<Target>> known = new ConcurrentHashMap<>();

  public Targets(MlNodeClient node, NamedXContentRegistry registry) {
    this.node = node;
    this.registry = registry;
  }

  /**
   * Hands over the target, or fails with the server's 404 or 409. The documents of a bulk that ask
   * for the same id at the same time share one lookup.
   */
  public void find(String id, ActionListener<Target> listener) {
    known
        .computeIfAbsent(id, ignored -> new Kept<>())
        .get(
            found -> lookUp(id, found),
            listener.delegateResponse(
                (next, failure) -> {
                  known.remove(id);
                  next.onFailure(failure);
                }));
  }

  /** Forgets everything; called whenever models or deployments change. */
  public void forget() {
    known.values().forEach(Kept::forget);
    known.clear();
  }

  private void lookUp(String id, ActionListener<Target> listener) {
    node.deployments(
        listener.delegateFailureAndWrap(
            (next, deployments) -> {
              Optional<Deployment> found =
                  deployments.stream()
                      .filter(deployment -> deployment.deploymentId().equals(id))
                      .findFirst()
                      .or(
                          () ->
                              deployments.stream()
                                  .filter(deployment -> deployment.modelId().equals(id))
                                  .findFirst());
              if (found.isPresent()) {
                fromDeployment(found.get(), next);
              } else {
                explainAbsence(id, next);
              }
            }));
  }

  private void fromDeployment(Deployment deployment, ActionListener<Target> listener) {
    if (deployment.started() == false) {
      listener.onFailure(notAllocated(deployment.deploymentId()));
      return;
    }
    node.model(
        deployment.modelId(),
        listener.delegateFailureAndWrap(
            (next, model) ->
                next.onResponse(
                    new Target(
                        deployment.deploymentId(),
                        deployment.allocations(),
                        deployment.queueCapacity(),
                        model.parse(registry).build()))));
  }

  private void explainAbsence(String id, ActionListener<Target> listener) {
    node.model(
        id,
        ActionListener.wrap(
            model -> listener.onFailure(notDeployed(id)),
            failure -> {
              if (failure instanceof MlNodeException refusal
                  && refusal.kind().equals("not_found")) {
                listener.onFailure(unknown(id));
              } else {
                listener.onFailure(failure);
              }
            }));
  }

  static Exception unknown(String id) {
    return new ResourceNotFoundException(Messages.getMessage(Messages.INFERENCE_NOT_FOUND, id));
  }

  static Exception notDeployed(String id) {
    return ExceptionsHelper.conflictStatusException(
        "Model [{}] must be deployed to use. Please deploy with the start trained model deployment"
            + " API.",
        id);
  }

  static Exception notAllocated(String deploymentId) {
    return ExceptionsHelper.conflictStatusException(
        "Trained model deployment [{}] is not allocated to any nodes", deploymentId);
  }
}

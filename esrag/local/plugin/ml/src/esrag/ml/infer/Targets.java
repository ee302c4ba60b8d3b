package esrag.ml.infer;

import esrag.ml.Kept;
import esrag.ml.node.Catalogue;
import esrag.ml.node.Deployment;
import esrag.ml.node.MlNodeClient;
import esrag.ml.node.StoredModel;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.elasticsearch.ElasticsearchException;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.common.Randomness;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/**
 * Finds the running deployment that an id names: an alias is its model, then a deployment id comes
 * first, then the id of a model with deployments, of which any is taken. On a cluster the
 * assignments in the cluster state answer this.
 *
 * <p>What was found is kept until something changes or the ML node process disagrees, so that a
 * search costs one call and not four.
 */
public final class Targets {
  private final MlNodeClient node;
  private final NamedXContentRegistry registry;
  private final Map<String, Kept<List<Target>>> known = new ConcurrentHashMap<>();

  public Targets(MlNodeClient node, NamedXContentRegistry registry) {
    this.node = node;
    this.registry = registry;
  }

  /**
   * Hands over the target, or fails with the server's 404 or 409. The documents of a bulk that ask
   * for the same id at the same time share one lookup.
   */
  public void find(String id, ActionListener<Target> listener) {
    ActionListener<List<Target>> any =
        listener.map(targets -> targets.get(Randomness.get().nextInt(targets.size())));
    known
        .computeIfAbsent(id, ignored -> new Kept<>())
        .get(
            found -> node.catalogue(found.map(catalogue -> lookUp(id, catalogue))),
            any.delegateResponse(
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

  /** Whether a failure says that nothing is deployed under the id, not even on its way up. */
  public static boolean isNothingDeployed(String id, Exception failure) {
    return Stream.of(unknown(id), notDeployed(id))
        .anyMatch(absence -> absence.getMessage().equals(failure.getMessage()));
  }

  private List<Target> lookUp(String id, Catalogue catalogue) {
    String concrete = catalogue.withoutAlias(id);
    List<Deployment> named =
        catalogue
            .deployment(concrete)
            .map(List::of)
            .orElseGet(() -> catalogue.deploymentsOf(concrete));
    if (named.isEmpty()) {
      throw catalogue.model(concrete).isPresent() ? notDeployed(id) : unknown(id);
    }
    List<Deployment> started = named.stream().filter(Deployment::started).toList();
    if (started.isEmpty()) {
      throw notRunning(id, named);
    }
    return started.stream().map(deployment -> target(concrete, deployment, catalogue)).toList();
  }

  private Target target(String concrete, Deployment deployment, Catalogue catalogue) {
    StoredModel model =
        catalogue.model(deployment.modelId()).orElseThrow(() -> unknown(deployment.modelId()));
    return new Target(
        concrete,
        deployment.deploymentId(),
        deployment.allocations(),
        deployment.queueCapacity(),
        model.parse(registry).build());
  }

  /** A deployment that ends or has failed says so; one that starts is on no node yet. */
  private static ElasticsearchException notRunning(String id, List<Deployment> named) {
    return named.stream()
        .filter(deployment -> List.of("stopping", "failed").contains(deployment.state()) == false)
        .findFirst()
        .map(starting -> notAllocated(id))
        .orElseGet(
            () ->
                ExceptionsHelper.conflictStatusException(
                    "Trained model [{}] is [{}]",
                    named.get(0).deploymentId(),
                    named.get(0).state()));
  }

  static ResourceNotFoundException unknown(String id) {
    return new ResourceNotFoundException(Messages.getMessage(Messages.INFERENCE_NOT_FOUND, id));
  }

  static ElasticsearchStatusException notDeployed(String id) {
    return ExceptionsHelper.conflictStatusException(
        "Model [{}] must be deployed to use. Please deploy with the start trained model deployment"
            + " API.",
        id);
  }

  static ElasticsearchStatusException notAllocated(String deploymentId) {
    return ExceptionsHelper.conflictStatusException(
        "Trained model deployment [{}] is not allocated to any nodes", deploymentId);
  }
}

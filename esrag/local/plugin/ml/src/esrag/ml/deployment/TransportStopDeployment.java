package esrag.ml.deployment;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.model.ModelErrors;
import esrag.ml.model.PipelineReferences;
import esrag.ml.node.Deployment;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.ml.action.StopTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/** Stops a deployment, unless an ingest pipeline needs it; force overrides that. */
public final class TransportStopDeployment
    extends MlTransportAction<
        StopTrainedModelDeploymentAction.Request, StopTrainedModelDeploymentAction.Response> {

  @Inject
  public TransportStopDeployment(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(
        StopTrainedModelDeploymentAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      StopTrainedModelDeploymentAction.Request request,
      ActionListener<StopTrainedModelDeploymentAction.Response> listener) {
    services()
        .node()
        .deployments(
            listener.delegateFailureAndWrap(
                (next, deployments) -> {
                  Optional<Deployment> found =
                      deployments.stream()
                          .filter(deployment -> deployment.deploymentId().equals(request.getId()))
                          .findFirst();
                  if (found.isPresent()) {
                    checkReferences(request, found.get(), deployments);
                    stop(request.getId(), next);
                  } else if (request.isAllowNoMatch()) {
                    next.onResponse(new StopTrainedModelDeploymentAction.Response(true));
                  } else {
                    next.onFailure(ExceptionsHelper.missingModelDeployment(request.getId()));
                  }
                }));
  }

  private void checkReferences(
      StopTrainedModelDeploymentAction.Request request,
      Deployment deployment,
      List<Deployment> all) {
    if (request.isForce()) {
      return;
    }
    Set<String> ids = new HashSet<>(Set.of(deployment.deploymentId()));
    long siblings =
        all.stream().filter(other -> other.modelId().equals(deployment.modelId())).count();
    if (siblings == 1) {
      ids.add(deployment.modelId());
    }
    if (PipelineReferences.pipelines(services().clusterService(), ids).isEmpty() == false) {
      throw ExceptionsHelper.conflictStatusException(
          "Cannot stop deployment [{}] as it is referenced by ingest processors; use force to stop"
              + " the deployment",
          deployment.deploymentId());
    }
  }

  private void stop(
      String deploymentId, ActionListener<StopTrainedModelDeploymentAction.Response> listener) {
    ActionListener<Void> stopped =
        listener.map(
            ignored -> {
              services().targets().forget();
              return new StopTrainedModelDeploymentAction.Response(true);
            });
    services()
        .node()
        .stop(
            deploymentId,
            stopped.delegateResponse(
                (next, failure) -> {
                  // Somebody else stopped it meanwhile: it is stopped.
                  if (ModelErrors.is(failure, "not_found")) {
                    next.onResponse(null);
                  } else {
                    next.onFailure(failure);
                  }
                }));
  }
}

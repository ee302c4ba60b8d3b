package esrag.ml.deployment;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.model.ModelErrors;
import esrag.ml.model.PipelineReferences;
import esrag.ml.node.Catalogue;
import esrag.ml.node.Deployment;
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
        .catalogue(
            listener.delegateFailureAndWrap(
                (next, catalogue) -> {
                  Optional<Deployment> found = catalogue.deployment(request.getId());
                  if (found.isPresent()) {
                    if (request.isForce() == false) {
                      checkReferences(found.get(), catalogue);
                    }
                    stop(request.getId(), next);
                  } else if (request.isAllowNoMatch()) {
                    next.onResponse(new StopTrainedModelDeploymentAction.Response(true));
                  } else {
                    next.onFailure(ExceptionsHelper.missingModelDeployment(request.getId()));
                  }
                }));
  }

  /** A pipeline may name the deployment, or the model or an alias of it while it runs alone. */
  private void checkReferences(Deployment deployment, Catalogue catalogue) {
    String id = deployment.deploymentId();
    boolean alone = catalogue.deploymentsOf(deployment.modelId()).size() == 1;
    if (inPipeline(id) || (alone && inPipeline(deployment.modelId()))) {
      throw ExceptionsHelper.conflictStatusException(
          "Cannot stop deployment [{}] as it is referenced by ingest processors; use force to stop"
              + " the deployment",
          id);
    }
    for (String alias : alone ? catalogue.aliasesOf(deployment.modelId()) : Set.<String>of()) {
      if (inPipeline(alias)) {
        throw ExceptionsHelper.conflictStatusException(
            "Cannot stop deployment [{}] as it has a model_alias [{}] that is still referenced by"
                + " ingest processors; use force to stop the deployment",
            id,
            alias);
      }
    }
  }

  private boolean inPipeline(String id) {
    return PipelineReferences.pipelines(services().clusterService(), Set.of(id)).isEmpty() == false;
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

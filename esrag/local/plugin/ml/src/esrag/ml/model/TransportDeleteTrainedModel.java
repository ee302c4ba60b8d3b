package esrag.ml.model;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import java.util.Set;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.ml.action.DeleteTrainedModelAction;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/** Deletes a trained model, unless a pipeline or a deployment uses it; force overrides both. */
public final class TransportDeleteTrainedModel
    extends MlTransportAction<DeleteTrainedModelAction.Request, AcknowledgedResponse> {

  @Inject
  public TransportDeleteTrainedModel(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(DeleteTrainedModelAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      DeleteTrainedModelAction.Request request, ActionListener<AcknowledgedResponse> listener) {
    String id = request.getId();
    services()
        .node()
        .model(
            id,
            ModelErrors.missingAs404(
                id,
                listener.delegateFailureAndWrap(
                    (next, model) -> {
                      if (request.isForce() == false && inPipeline(id)) {
                        throw ExceptionsHelper.conflictStatusException(
                            "Cannot delete model [{}] as it is still referenced by ingest"
                                + " processors; use force to delete the model",
                            id);
                      }
                      delete(id, request.isForce(), next);
                    })));
  }

  private boolean inPipeline(String id) {
    return PipelineReferences.pipelines(services().clusterService(), Set.of(id)).isEmpty() == false;
  }

  private void delete(String id, boolean force, ActionListener<AcknowledgedResponse> listener) {
    services()
        .node()
        .deleteModel(
            id,
            force,
            ActionListener.wrap(
                ignored -> {
                  services().targets().forget();
                  listener.onResponse(AcknowledgedResponse.TRUE);
                },
                failure ->
                    listener.onFailure(
                        ModelErrors.is(failure, "deployed")
                            ? ModelErrors.deployed(
                                "delete model", id, "use force to delete the model")
                            : failure)));
  }
}

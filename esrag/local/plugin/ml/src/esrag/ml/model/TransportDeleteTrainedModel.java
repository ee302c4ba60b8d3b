package esrag.ml.model;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.node.Catalogue;
import java.util.Set;
import org.elasticsearch.ElasticsearchStatusException;
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
    services()
        .node()
        .catalogue(
            listener.delegateFailureAndWrap(
                (next, catalogue) -> {
                  if (request.isForce() == false) {
                    checkUse(request.getId(), catalogue);
                  }
                  delete(request, next);
                }));
  }

  private void checkUse(String id, Catalogue catalogue) {
    if (inPipeline(id)) {
      throw ExceptionsHelper.conflictStatusException(
          "Cannot delete model [{}] as it is still referenced by ingest processors; use force to"
              + " delete the model",
          id);
    }
    for (String alias : catalogue.aliasesOf(id)) {
      if (inPipeline(alias)) {
        throw ExceptionsHelper.conflictStatusException(
            "Cannot delete model [{}] as it has a model_alias [{}] that is still referenced by"
                + " ingest processors; use force to delete the model",
            id,
            alias);
      }
    }
    if (catalogue.deploymentsOf(id).isEmpty() == false) {
      throw deployed(id);
    }
  }

  private boolean inPipeline(String id) {
    return PipelineReferences.pipelines(services().clusterService(), Set.of(id)).isEmpty() == false;
  }

  private static ElasticsearchStatusException deployed(String id) {
    return ExceptionsHelper.conflictStatusException(
        "Cannot delete model [{}] as it is currently deployed; use force to delete the model", id);
  }

  /** The ML node process lets the model's aliases go with it. */
  private void delete(
      DeleteTrainedModelAction.Request request, ActionListener<AcknowledgedResponse> listener) {
    String id = request.getId();
    ActionListener<Void> deleted =
        listener.map(
            none -> {
              services().targets().forget();
              return AcknowledgedResponse.TRUE;
            });
    services()
        .node()
        .deleteModel(
            id,
            request.isForce(),
            ModelErrors.missingAs404(
                id,
                deleted.delegateResponse(
                    (next, failure) ->
                        next.onFailure(
                            ModelErrors.is(failure, "deployed") ? deployed(id) : failure))));
  }
}

package esrag.ml.model;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import java.util.Set;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.ml.action.DeleteTrainedModelAliasAction;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/** Takes an alias away from the model it refers to, unless an ingest pipeline names it. */
public final class TransportDeleteAlias
    extends MlTransportAction<DeleteTrainedModelAliasAction.Request, AcknowledgedResponse> {

  @Inject
  public TransportDeleteAlias(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(DeleteTrainedModelAliasAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      DeleteTrainedModelAliasAction.Request request,
      ActionListener<AcknowledgedResponse> listener) {
    String alias = request.getModelAlias();
    services()
        .node()
        .aliases(
            listener.delegateFailureAndWrap(
                (next, aliases) -> {
                  check(request, aliases.get(alias));
                  services()
                      .node()
                      .deleteAlias(
                          alias,
                          next.map(
                              none -> {
                                services().targets().forget();
                                return AcknowledgedResponse.TRUE;
                              }));
                }));
  }

  private void check(DeleteTrainedModelAliasAction.Request request, String refersTo) {
    String alias = request.getModelAlias();
    if (refersTo == null) {
      throw new ElasticsearchStatusException(
          "model_alias [{}] could not be found", RestStatus.NOT_FOUND, alias);
    }
    if (refersTo.equals(request.getModelId()) == false) {
      throw ExceptionsHelper.conflictStatusException(
          "model_alias [{}] does not refer to provided model_id [{}]", alias, request.getModelId());
    }
    if (PipelineReferences.pipelines(services().clusterService(), Set.of(alias)).isEmpty()
        == false) {
      throw ExceptionsHelper.conflictStatusException(
          "Cannot delete model_alias [{}] as it is still referenced by ingest processors", alias);
    }
  }
}

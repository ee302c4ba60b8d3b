package esrag.ml.deployment;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.model.ModelErrors;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.ml.action.ClearDeploymentCacheAction;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/** Empties the cache of a deployment's results. */
public final class TransportClearCache
    extends MlTransportAction<
        ClearDeploymentCacheAction.Request, ClearDeploymentCacheAction.Response> {

  @Inject
  public TransportClearCache(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(ClearDeploymentCacheAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      ClearDeploymentCacheAction.Request request,
      ActionListener<ClearDeploymentCacheAction.Response> listener) {
    String id = request.getDeploymentId();
    ActionListener<Void> cleared =
        listener.map(none -> new ClearDeploymentCacheAction.Response(true));
    services()
        .node()
        .clearCache(
            id,
            cleared.delegateResponse(
                (next, failure) ->
                    next.onFailure(
                        ModelErrors.is(failure, "not_found")
                            ? ExceptionsHelper.missingModelDeployment(id)
                            : failure)));
  }
}

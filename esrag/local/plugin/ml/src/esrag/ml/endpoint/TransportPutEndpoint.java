package esrag.ml.endpoint;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.node.StoredModel;
import java.util.List;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.inference.action.PutInferenceModelAction;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;

/** Creates an inference endpoint: reads its settings, has the service prove it, stores it. */
public final class TransportPutEndpoint
    extends MlTransportAction<PutInferenceModelAction.Request, PutInferenceModelAction.Response> {

  @Inject
  public TransportPutEndpoint(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(PutInferenceModelAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      PutInferenceModelAction.Request request,
      ActionListener<PutInferenceModelAction.Response> listener) {
    EndpointBody body = new EndpointBody(request);
    InferenceProvider provider = services().providers().get(body.service());
    services().licences().require(Licences.Need.INFERENCE);
    String id = request.getInferenceEntityId();
    checkId(
        id,
        provider,
        listener.delegateFailureAndWrap(
            (next, free) ->
                read(
                    body,
                    id,
                    provider,
                    next.delegateFailureAndWrap(
                        (last, endpoint) -> create(provider, endpoint, request, last)))));
  }

  private static void read(
      EndpointBody body, String id, InferenceProvider provider, ActionListener<Endpoint> listener) {
    InferenceProvider.Given given = body.given();
    Endpoint draft = body.draft(id, provider);
    body.refuseUnknown(provider.name());
    provider.read(
        draft,
        given,
        listener.map(
            endpoint -> {
              EndpointBody.refuseUnknown(given, provider.name());
              return endpoint;
            }));
  }

  private void checkId(String id, InferenceProvider provider, ActionListener<Void> listener) {
    services()
        .endpoints()
        .find(
            id,
            listener.delegateFailureAndWrap(
                (next, existing) -> {
                  if (existing.isPresent()) {
                    throw EndpointStore.exists(id);
                  }
                  checkModels(id, provider, next);
                }));
  }

  /** An endpoint and a model of the same name could not be told apart in a pipeline. */
  private void checkModels(String id, InferenceProvider provider, ActionListener<Void> listener) {
    services()
        .node()
        .models(
            ActionListener.wrap(
                models -> {
                  if (names(models).contains(id)) {
                    listener.onFailure(
                        new ElasticsearchStatusException(
                            Messages.INFERENCE_ID_MATCHES_EXISTING_MODEL_IDS_BUT_MUST_NOT,
                            RestStatus.BAD_REQUEST,
                            id));
                  } else {
                    listener.onResponse(null);
                  }
                },
                failure -> {
                  // Without the ML node process there are no models to be confused with.
                  if (provider.name().equals("elasticsearch")) {
                    listener.onFailure(failure);
                  } else {
                    listener.onResponse(null);
                  }
                }));
  }

  private static List<String> names(List<StoredModel> models) {
    return models.stream().map(StoredModel::modelId).toList();
  }

  private void create(
      InferenceProvider provider,
      Endpoint endpoint,
      PutInferenceModelAction.Request request,
      ActionListener<PutInferenceModelAction.Response> listener) {
    provider.create(
        endpoint,
        request.getTimeout(),
        listener.delegateFailureAndWrap(
            (next, ready) ->
                services()
                    .endpoints()
                    .add(
                        ready,
                        next.map(
                            stored ->
                                new PutInferenceModelAction.Response(stored.configurations())))));
  }
}

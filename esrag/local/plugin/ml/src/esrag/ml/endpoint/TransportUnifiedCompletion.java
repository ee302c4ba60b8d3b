package esrag.ml.endpoint;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.inference.action.UnifiedCompletionAction;
import org.elasticsearch.xpack.core.inference.results.UnifiedChatCompletionException;

/** Has an endpoint continue a conversation; failures take the shape that chat clients know. */
public final class TransportUnifiedCompletion
    extends MlTransportAction<UnifiedCompletionAction.Request, InferenceAction.Response> {

  @Inject
  public TransportUnifiedCompletion(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(UnifiedCompletionAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      UnifiedCompletionAction.Request request, ActionListener<InferenceAction.Response> listener) {
    ActionListener<InferenceAction.Response> shaped =
        listener.delegateResponse(
            (next, failure) ->
                next.onFailure(UnifiedChatCompletionException.fromThrowable(failure)));
    services()
        .endpoints()
        .get(
            request.getInferenceEntityId(),
            shaped.delegateFailureAndWrap(
                (next, endpoint) -> {
                  services().licences().require(Licences.Need.INFERENCE);
                  TransportInference.checkTask(request.getTaskType(), endpoint);
                  if (endpoint.taskType() != TaskType.CHAT_COMPLETION) {
                    throw new ElasticsearchStatusException(
                        "Incompatible task_type for unified API, the requested type [{}] must be"
                            + " one of [chat_completion]",
                        RestStatus.BAD_REQUEST,
                        endpoint.taskType());
                  }
                  services()
                      .providers()
                      .of(endpoint)
                      .chat(endpoint, request, next.map(TransportInference::response));
                }));
  }
}

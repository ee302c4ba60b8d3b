package esrag.ml.endpoint;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import java.io.IOException;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xpack.core.ClientHelper;
import org.elasticsearch.xpack.core.inference.action.EmbeddingAction;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.inference.action.InferenceActionProxy;
import org.elasticsearch.xpack.core.inference.action.RerankAction;
import org.elasticsearch.xpack.core.inference.action.UnifiedCompletionAction;
import org.elasticsearch.xpack.core.inference.results.UnifiedChatCompletionException;

/**
 * What users call for inference: it learns the endpoint's task, reads the body accordingly, and
 * goes on with the inference origin, so that users need the privilege for this action only.
 */
public final class TransportInferenceProxy
    extends MlTransportAction<InferenceActionProxy.Request, InferenceAction.Response> {

  @Inject
  public TransportInferenceProxy(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(InferenceActionProxy.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      InferenceActionProxy.Request request, ActionListener<InferenceAction.Response> listener)
      throws IOException {
    if (request.getTaskType() != TaskType.ANY) {
      forward(request, request.getTaskType(), listener);
      return;
    }
    services()
        .endpoints()
        .get(
            request.getInferenceEntityId(),
            listener.delegateFailureAndWrap(
                (next, endpoint) -> forward(request, endpoint.taskType(), next)));
  }

  private void forward(
      InferenceActionProxy.Request request,
      TaskType taskType,
      ActionListener<InferenceAction.Response> listener)
      throws IOException {
    try (XContentParser parser =
        XContentHelper.createParser(
            XContentParserConfiguration.EMPTY, request.getContent(), request.getContentType())) {
      if (taskType == TaskType.CHAT_COMPLETION) {
        chat(request, parser, listener);
      } else if (taskType == TaskType.RERANK) {
        rerank(request, parser, listener);
      } else if (taskType == TaskType.EMBEDDING) {
        embed(request, parser, listener);
      } else {
        infer(request, parser, listener);
      }
    }
  }

  private void chat(
      InferenceActionProxy.Request request,
      XContentParser parser,
      ActionListener<InferenceAction.Response> listener) {
    // What is wrong with the body is told in the shape that chat clients know.
    ActionListener<InferenceAction.Response> shaped =
        listener.delegateResponse(
            (next, failure) ->
                next.onFailure(UnifiedChatCompletionException.fromThrowable(failure)));
    ActionListener.run(shaped, answer -> send(chatRequest(request, parser), listener));
  }

  private void send(
      UnifiedCompletionAction.Request chat, ActionListener<InferenceAction.Response> listener) {
    ClientHelper.executeAsyncWithOrigin(
        services().client(),
        ClientHelper.INFERENCE_ORIGIN,
        UnifiedCompletionAction.INSTANCE,
        chat,
        listener);
  }

  private static UnifiedCompletionAction.Request chatRequest(
      InferenceActionProxy.Request request, XContentParser parser) throws IOException {
    if (request.isStreaming() == false) {
      throw new ElasticsearchStatusException(
          "The [chat_completion] task type only supports streaming, please try again with the"
              + " _stream API",
          RestStatus.BAD_REQUEST);
    }
    return UnifiedCompletionAction.Request.parseRequest(
        request.getInferenceEntityId(),
        request.getTaskType(),
        request.getTimeout(),
        request.getContext(),
        parser);
  }

  private void rerank(
      InferenceActionProxy.Request request,
      XContentParser parser,
      ActionListener<InferenceAction.Response> listener)
      throws IOException {
    RerankAction.Request rerank =
        RerankAction.Request.parseRequest(
            request.getInferenceEntityId(), request.getTimeout(), request.getContext(), parser);
    ClientHelper.executeAsyncWithOrigin(
        services().client(),
        ClientHelper.INFERENCE_ORIGIN,
        RerankAction.INSTANCE,
        rerank,
        listener);
  }

  private void embed(
      InferenceActionProxy.Request request,
      XContentParser parser,
      ActionListener<InferenceAction.Response> listener)
      throws IOException {
    EmbeddingAction.Request embed =
        EmbeddingAction.Request.parseRequest(
            request.getInferenceEntityId(),
            request.getTaskType(),
            request.getTimeout(),
            request.getContext(),
            parser);
    ClientHelper.executeAsyncWithOrigin(
        services().client(),
        ClientHelper.INFERENCE_ORIGIN,
        EmbeddingAction.INSTANCE,
        embed,
        listener);
  }

  private void infer(
      InferenceActionProxy.Request request,
      XContentParser parser,
      ActionListener<InferenceAction.Response> listener)
      throws IOException {
    InferenceAction.Request infer =
        InferenceAction.Request.parseRequest(
                request.getInferenceEntityId(), request.getTaskType(), request.getContext(), parser)
            .setInferenceTimeout(request.getTimeout())
            .setStream(request.isStreaming())
            .build();
    ClientHelper.executeAsyncWithOrigin(
        services().client(),
        ClientHelper.INFERENCE_ORIGIN,
        InferenceAction.INSTANCE,
        infer,
        listener);
  }
}

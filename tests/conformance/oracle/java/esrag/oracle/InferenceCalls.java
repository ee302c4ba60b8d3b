package esrag.oracle;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionRequest;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xpack.core.inference.InferenceContext;
import org.elasticsearch.xpack.core.inference.action.BaseInferenceActionRequest;
import org.elasticsearch.xpack.core.inference.action.EmbeddingAction;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.inference.action.InferenceActionProxy;
import org.elasticsearch.xpack.core.inference.action.PutInferenceModelAction;
import org.elasticsearch.xpack.core.inference.action.RerankAction;
import org.elasticsearch.xpack.core.inference.action.UnifiedCompletionAction;
import org.elasticsearch.xpack.core.inference.action.UpdateInferenceModelAction;
import org.elasticsearch.xpack.core.inference.chunking.ChunkingSettingsBuilder;
import org.elasticsearch.xpack.core.inference.results.UnifiedChatCompletionException;

/** Calls under {@code _inference}. */
final class InferenceCalls {
  private static final String ID = "inference_id";
  private static final String TASK = "task_type";
  private static final ToXContent NOTHING = (json, params) -> json;

  private InferenceCalls() {}

  static Map<String, Reading> all() {
    return Map.of(
        "put_inference", InferenceCalls::put,
        "update_inference", InferenceCalls::update,
        "inference", InferenceCalls::infer,
        "chunking", InferenceCalls::chunking);
  }

  private static TaskType task(RestRequest rest) {
    String name = rest.param(TASK);
    return name == null ? TaskType.ANY : TaskType.fromStringOrStatusException(name);
  }

  private static PutInferenceModelAction.Request putRequest(RestRequest rest) {
    return new PutInferenceModelAction.Request(
        task(rest),
        rest.param(ID),
        rest.requiredContent(),
        rest.getXContentType(),
        rest.paramAsTime("timeout", TimeValue.timeValueSeconds(30)));
  }

  /** The settings are read by the services; here it only matters that they are an object. */
  private static Reading.Accepted put(RestRequest rest) {
    PutInferenceModelAction.Request request = putRequest(rest);
    return new Reading.Accepted(
        request,
        NOTHING,
        () -> {
          try (XContentParser parser = parser(rest)) {
            parser.map();
          }
          return null;
        });
  }

  private static Reading.Accepted update(RestRequest rest) {
    TaskType task = task(rest);
    TimeValue timeout = TimeValue.timeValueSeconds(30);
    UpdateInferenceModelAction.Request request =
        new UpdateInferenceModelAction.Request(
            rest.param(ID),
            rest.requiredContent(),
            rest.getXContentType(),
            task,
            timeout,
            timeout,
            timeout);
    return new Reading.Accepted(
        request,
        NOTHING,
        () -> {
          request.getBodyTaskType();
          return null;
        });
  }

  /** An endpoint's chunking settings, as the services read them, and as they show them. */
  @SuppressWarnings("unchecked")
  private static Reading.Accepted chunking(RestRequest rest) throws IOException {
    PutInferenceModelAction.Request request = putRequest(rest);
    try (XContentParser parser = parser(rest)) {
      Object asked = parser.map().get("chunking_settings");
      Map<String, Object> settings = asked == null ? Map.of() : (Map<String, Object>) asked;
      return new Reading.Accepted(
          request, ChunkingSettingsBuilder.fromMap(new HashMap<>(settings)));
    }
  }

  private static Reading.Accepted infer(RestRequest rest) {
    InferenceActionProxy.Request request =
        new InferenceActionProxy.Request(
            task(rest),
            rest.param(ID),
            rest.requiredContent(),
            rest.getXContentType(),
            rest.paramAsTime("timeout", BaseInferenceActionRequest.TIMEOUT_NOT_DETERMINED),
            rest.path().endsWith("/_stream"),
            InferenceContext.EMPTY_INSTANCE);
    return new Reading.Accepted(request, NOTHING, () -> behind(request, rest));
  }

  /** What the task reads of the body; without a task the endpoint is looked up first. */
  private static ActionRequest behind(InferenceActionProxy.Request request, RestRequest rest)
      throws IOException {
    if (request.getTaskType() == TaskType.ANY) {
      return null;
    }
    if (request.getTaskType() != TaskType.CHAT_COMPLETION) {
      return parsed(request, rest);
    }
    try {
      if (request.isStreaming() == false) {
        throw new ElasticsearchStatusException(
            "The [chat_completion] task type only supports streaming, please try again with the"
                + " _stream API",
            RestStatus.BAD_REQUEST);
      }
      return parsed(request, rest);
    } catch (IOException | RuntimeException refusal) {
      throw UnifiedChatCompletionException.fromThrowable(refusal);
    }
  }

  private static ActionRequest parsed(InferenceActionProxy.Request request, RestRequest rest)
      throws IOException {
    String id = request.getInferenceEntityId();
    TaskType task = request.getTaskType();
    InferenceContext context = request.getContext();
    try (XContentParser parser = parser(rest)) {
      return switch (task) {
        case CHAT_COMPLETION ->
            UnifiedCompletionAction.Request.parseRequest(
                id, task, request.getTimeout(), context, parser);
        case EMBEDDING ->
            EmbeddingAction.Request.parseRequest(id, task, request.getTimeout(), context, parser);
        case RERANK -> RerankAction.Request.parseRequest(id, request.getTimeout(), context, parser);
        default ->
            InferenceAction.Request.parseRequest(id, task, context, parser)
                .setInferenceTimeout(request.getTimeout())
                .setStream(request.isStreaming())
                .build();
      };
    }
  }

  private static XContentParser parser(RestRequest rest) throws IOException {
    return XContentHelper.createParser(
        XContentParserConfiguration.EMPTY, rest.requiredContent(), rest.getXContentType());
  }
}

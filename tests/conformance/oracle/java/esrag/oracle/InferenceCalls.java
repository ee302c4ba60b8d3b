package esrag.oracle;

import java.util.HashMap;
import java.util.Map;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xpack.core.inference.InferenceContext;
import org.elasticsearch.xpack.core.inference.action.BaseInferenceActionRequest;
import org.elasticsearch.xpack.core.inference.action.EmbeddingAction;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.inference.action.PutInferenceModelAction;
import org.elasticsearch.xpack.core.inference.action.RerankAction;
import org.elasticsearch.xpack.core.inference.action.UnifiedCompletionAction;
import org.elasticsearch.xpack.core.inference.chunking.ChunkingSettingsBuilder;

/** Calls under {@code _inference}. */
final class InferenceCalls {
  private static final String ID = "inference_id";
  private static final String TASK = "task_type";
  private static final ToXContent NOTHING = (json, params) -> json;

  private InferenceCalls() {}

  static Map<String, Reading> all() {
    return Map.of(
        "put_inference", InferenceCalls::put,
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

  private static Reading.Accepted put(RestRequest rest) {
    return new Reading.Accepted(putRequest(rest), NOTHING);
  }

  /** An endpoint's chunking settings, as the services read them, and as they show them. */
  @SuppressWarnings("unchecked")
  private static Reading.Accepted chunking(RestRequest rest) {
    PutInferenceModelAction.Request request = putRequest(rest);
    Map<String, Object> body =
        XContentHelper.convertToMap(request.getContent(), false, request.getContentType()).v2();
    Map<String, Object> asked = (Map<String, Object>) body.get("chunking_settings");
    Map<String, Object> settings = asked == null ? Map.of() : asked;
    return new Reading.Accepted(request, ChunkingSettingsBuilder.fromMap(new HashMap<>(settings)));
  }

  private static Reading.Accepted infer(RestRequest rest) throws Exception {
    TaskType task = task(rest);
    String id = rest.param(ID);
    TimeValue timeout =
        rest.paramAsTime("timeout", BaseInferenceActionRequest.TIMEOUT_NOT_DETERMINED);
    boolean stream = rest.path().endsWith("/_stream");
    InferenceContext context = InferenceContext.EMPTY_INSTANCE;
    try (XContentParser parser =
        XContentHelper.createParser(
            XContentParserConfiguration.EMPTY, rest.requiredContent(), rest.getXContentType())) {
      BaseInferenceActionRequest request =
          switch (task) {
            case CHAT_COMPLETION ->
                UnifiedCompletionAction.Request.parseRequest(id, task, timeout, context, parser);
            case EMBEDDING ->
                EmbeddingAction.Request.parseRequest(id, task, timeout, context, parser);
            case RERANK -> RerankAction.Request.parseRequest(id, timeout, context, parser);
            default ->
                InferenceAction.Request.parseRequest(id, task, context, parser)
                    .setInferenceTimeout(timeout)
                    .setStream(stream)
                    .build();
          };
      return new Reading.Accepted(request, NOTHING);
    }
  }
}

package esrag.ml.endpoint;

import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.inference.ModelConfigurations;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.inference.action.PutInferenceModelAction;
import org.elasticsearch.xpack.core.inference.chunking.ChunkingSettingsBuilder;

/** The body that describes a new endpoint: what is common to all services is read here. */
final class EndpointBody {
  private static final String TASK_TYPE = "task_type";
  private static final EnumSet<TaskType> CHUNKED =
      EnumSet.of(TaskType.TEXT_EMBEDDING, TaskType.SPARSE_EMBEDDING);

  private final Map<String, Object> rest;
  private final TaskType taskType;
  private final String service;

  EndpointBody(PutInferenceModelAction.Request request) {
    rest =
        new HashMap<>(
            XContentHelper.convertToMap(request.getContent(), false, request.getContentType())
                .v2());
    taskType = taskType(request.getTaskType(), rest.remove(TASK_TYPE));
    Object name = rest.remove(ModelConfigurations.SERVICE);
    if (name == null) {
      throw new ElasticsearchStatusException(
          "Inference endpoint configuration is missing the [{}] setting",
          RestStatus.BAD_REQUEST,
          ModelConfigurations.SERVICE);
    }
    service = name.toString();
  }

  String service() {
    return service;
  }

  /** The endpoint without the settings of its service. */
  Endpoint draft(String inferenceId, InferenceProvider provider) {
    if (provider.tasks().contains(taskType) == false) {
      throw new ElasticsearchStatusException(
          TaskType.unsupportedTaskTypeErrorMsg(taskType, provider.name()), RestStatus.BAD_REQUEST);
    }
    Map<String, Object> chunking = null;
    if (CHUNKED.contains(taskType)) {
      chunking = chunking(object(rest, ModelConfigurations.CHUNKING_SETTINGS));
    }
    return Endpoint.draft(inferenceId, taskType, service, chunking);
  }

  /** Chunking settings as x-pack-core's own builder reads and completes them. */
  static Map<String, Object> chunking(Map<String, Object> given) {
    return ChunkingSettingsBuilder.fromMap(given).asMap();
  }

  /** Takes out what the service reads. */
  InferenceProvider.Given given() {
    if (rest.get(ModelConfigurations.SERVICE_SETTINGS) == null) {
      throw new ElasticsearchStatusException(
          "Missing required field [{}]",
          RestStatus.BAD_REQUEST,
          ModelConfigurations.SERVICE_SETTINGS);
    }
    return new InferenceProvider.Given(
        object(rest, ModelConfigurations.SERVICE_SETTINGS),
        object(rest, ModelConfigurations.TASK_SETTINGS));
  }

  /** Refuses the fields of the body that nobody has taken. */
  void refuseUnknown(String serviceName) {
    refuseUnknown(rest, serviceName);
  }

  /** Refuses settings that nobody has taken. */
  static void refuseUnknown(InferenceProvider.Given given, String serviceName) {
    refuseUnknown(given.service(), serviceName);
    refuseUnknown(given.task(), serviceName);
  }

  private static void refuseUnknown(Map<String, Object> left, String serviceName) {
    if (left.isEmpty() == false) {
      throw new ElasticsearchStatusException(
          "Configuration contains settings [{}] unknown to the [{}] service",
          RestStatus.BAD_REQUEST,
          left,
          serviceName);
    }
  }

  /** The task that the address or the body names; they may not differ. */
  static TaskType taskType(TaskType inAddress, Object inBody) {
    if (inBody == null) {
      if (inAddress == TaskType.ANY) {
        throw new ElasticsearchStatusException(
            "model is missing required setting [{}]", RestStatus.BAD_REQUEST, TASK_TYPE);
      }
      return inAddress;
    }
    TaskType parsed = TaskType.fromStringOrStatusException(inBody.toString());
    if (parsed == TaskType.ANY) {
      throw new ElasticsearchStatusException(
          "task_type [any] is not valid type for inference", RestStatus.BAD_REQUEST);
    }
    if (parsed.isAnyOrSame(inAddress) == false) {
      throw new ElasticsearchStatusException(
          "Cannot resolve conflicting task_type parameter in the request URL [{}] and the request"
              + " body [{}]",
          RestStatus.BAD_REQUEST,
          inAddress,
          inBody);
    }
    return parsed;
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> object(Map<String, Object> body, String key) {
    Object value = body.remove(key);
    if (value == null) {
      return new HashMap<>();
    }
    if (value instanceof Map<?, ?> map) {
      return new HashMap<>((Map<String, Object>) map);
    }
    throw new ElasticsearchStatusException(
        "field [{}] is not of the expected type. The value [{}] cannot be converted to a [Map]",
        RestStatus.BAD_REQUEST,
        key,
        value);
  }
}

package esrag.ml.endpoint;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.node.StoredModel;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.inference.ModelConfigurations;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.inference.action.PutInferenceModelAction;
import org.elasticsearch.xpack.core.inference.chunking.ChunkingSettingsBuilder;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;

/** Creates an inference endpoint: reads its settings, has the service prove it, stores it. */
public final class TransportPutEndpoint
    extends MlTransportAction<PutInferenceModelAction.Request, PutInferenceModelAction.Response> {
  private static final String TASK_TYPE = "task_type";

  @Inject
  public TransportPutEndpoint(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(PutInferenceModelAction.NAME, Licences.Need.INFERENCE, transport, filters, services);
  }

  @Override
  protected void answer(
      PutInferenceModelAction.Request request,
      ActionListener<PutInferenceModelAction.Response> listener) {
    Map<String, Object> body =
        new HashMap<>(
            XContentHelper.convertToMap(request.getContent(), false, request.getContentType())
                .v2());
    TaskType taskType = taskType(request.getTaskType(), body.remove(TASK_TYPE));
    InferenceProvider provider = provider(body.remove(ModelConfigurations.SERVICE));
    Endpoint endpoint = read(request.getInferenceEntityId(), taskType, provider, body);
    services()
        .endpoints()
        .find(
            endpoint.inferenceId(),
            listener.delegateFailureAndWrap(
                (next, existing) -> {
                  if (existing.isPresent()) {
                    throw EndpointStore.exists(endpoint.inferenceId());
                  }
                  checkModels(
                      endpoint,
                      next.delegateFailureAndWrap(
                          (last, free) -> create(provider, endpoint, request, last)));
                }));
  }

  private static TaskType taskType(TaskType inAddress, Object inBody) {
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

  private InferenceProvider provider(Object name) {
    if (name == null) {
      throw new ElasticsearchStatusException(
          "Inference endpoint configuration is missing the [{}] setting",
          RestStatus.BAD_REQUEST,
          ModelConfigurations.SERVICE);
    }
    return services().providers().get(name.toString());
  }

  private static Endpoint read(
      String id, TaskType taskType, InferenceProvider provider, Map<String, Object> body) {
    if (provider.tasks().contains(taskType) == false) {
      throw new ElasticsearchStatusException(
          TaskType.unsupportedTaskTypeErrorMsg(taskType, provider.name()), RestStatus.BAD_REQUEST);
    }
    Map<String, Object> chunking = null;
    if (taskType == TaskType.TEXT_EMBEDDING) {
      chunking =
          ChunkingSettingsBuilder.fromMap(object(body, ModelConfigurations.CHUNKING_SETTINGS))
              .asMap();
    }
    Map<String, Object> serviceSettings = object(body, ModelConfigurations.SERVICE_SETTINGS);
    Map<String, Object> taskSettings = object(body, ModelConfigurations.TASK_SETTINGS);
    Endpoint draft = new Endpoint(id, taskType, provider.name(), Map.of(), Map.of(), chunking);
    Endpoint endpoint = provider.read(draft, serviceSettings);
    refuseUnknown(body, provider);
    refuseUnknown(serviceSettings, provider);
    refuseUnknown(taskSettings, provider);
    return endpoint;
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> object(Map<String, Object> body, String key) {
    return body.remove(key) instanceof Map<?, ?> map
        ? new HashMap<>((Map<String, Object>) map)
        : new HashMap<>();
  }

  private static void refuseUnknown(Map<String, Object> rest, InferenceProvider provider) {
    if (rest.isEmpty() == false) {
      throw new ElasticsearchStatusException(
          "Configuration contains settings [{}] unknown to the [{}] service",
          RestStatus.BAD_REQUEST,
          rest,
          provider.name());
    }
  }

  /** An endpoint and a model of the same name could not be told apart in a pipeline. */
  private void checkModels(Endpoint endpoint, ActionListener<Void> listener) {
    String id = endpoint.inferenceId();
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
                  if (endpoint.service().equals("elasticsearch")) {
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

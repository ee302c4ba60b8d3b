package esrag.ml.service;

import esrag.ml.endpoint.Endpoint;
import esrag.ml.endpoint.EndpointSettings;
import esrag.ml.endpoint.InferenceProvider;
import java.io.IOException;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.common.ValidationException;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.inference.InferenceString;
import org.elasticsearch.inference.InputType;
import org.elasticsearch.inference.ModelConfigurations;
import org.elasticsearch.inference.ModelSecrets;
import org.elasticsearch.inference.RerankRequest;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.inference.UnifiedCompletionRequest;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.inference.action.UnifiedCompletionAction;

/**
 * What the services with a remote server have in common: endpoints are proved by one request of
 * their task, as the server proves them, and hold an API key that nobody is shown.
 */
abstract class RemoteService implements InferenceProvider {
  static final String URL = "url";
  static final String API_KEY = "api_key";
  static final String MAX_INPUT_TOKENS = "max_input_tokens";

  /** The question that the server itself proves reranking endpoints with. */
  private static final String PROBE_QUESTION = "test query";

  private static final EnumSet<TaskType> EMBEDDING =
      EnumSet.of(TaskType.TEXT_EMBEDDING, TaskType.SPARSE_EMBEDDING);

  /** A call of an endpoint, with the task settings of a request put over its own. */
  abstract RemoteCall call(Endpoint endpoint);

  /** The task settings of a request put over an endpoint's. */
  abstract Endpoint override(Endpoint endpoint, Map<String, Object> taskSettings);

  /** Which model a conversation names, and how the limit of its tokens is called. */
  abstract ToXContent.Params chatParams(Endpoint endpoint, UnifiedCompletionRequest request);

  /** Who asks, or null. */
  abstract String user(Endpoint endpoint);

  /** How completions are called in messages. */
  abstract String completions();

  abstract void embed(
      Endpoint endpoint,
      List<String> texts,
      TimeValue timeout,
      ActionListener<InferenceServiceResults> listener)
      throws IOException;

  @Override
  public Set<TaskType> streamingTasks() {
    return EnumSet.of(TaskType.COMPLETION, TaskType.CHAT_COMPLETION);
  }

  /** Reads the key that goes along with requests. */
  static Map<String, Object> secrets(Map<String, Object> serviceSettings) {
    SettingsReader reader = new SettingsReader(serviceSettings, ModelSecrets.SECRET_SETTINGS);
    String key = reader.requiredText(API_KEY);
    reader.finish();
    return Map.of(API_KEY, key);
  }

  /** The credentials of an endpoint as a header. */
  static Map<String, String> bearer(Endpoint endpoint) {
    Map<String, String> headers = new LinkedHashMap<>();
    headers.put("Authorization", "Bearer " + endpoint.secrets().get(API_KEY));
    return headers;
  }

  @Override
  public Endpoint update(Endpoint endpoint, Given given) {
    Map<String, Object> service = given.service();
    SettingsReader reader = new SettingsReader(service, ModelConfigurations.SERVICE_SETTINGS);
    Map<String, Object> changed = new HashMap<>();
    if (service.containsKey(SettingsReader.RATE_LIMIT)) {
      changed.put(SettingsReader.RATE_LIMIT, reader.rateLimit(rate(endpoint), name()));
    }
    if (endpoint.taskType() == TaskType.TEXT_EMBEDDING) {
      Integer most = reader.optionalPositive(MAX_INPUT_TOKENS);
      if (most != null) {
        changed.put(MAX_INPUT_TOKENS, most);
      }
    }
    reader.finish();
    Endpoint merged = override(endpoint.with(changed), given.task());
    return service.containsKey(API_KEY) ? merged.withSecrets(secrets(service)) : merged;
  }

  private static long rate(Endpoint endpoint) {
    return ((Number)
            ((Map<?, ?>) endpoint.settings().get(SettingsReader.RATE_LIMIT))
                .get(SettingsReader.REQUESTS_PER_MINUTE))
        .longValue();
  }

  @Override
  public void create(Endpoint endpoint, TimeValue timeout, ActionListener<Endpoint> listener) {
    ActionListener<InferenceServiceResults> proof =
        Embeddings.proving(endpoint, similarityByDefault(), listener);
    ActionListener.run(
        proof,
        answer -> {
          switch (endpoint.taskType()) {
            case TEXT_EMBEDDING, SPARSE_EMBEDDING ->
                embed(endpoint, List.of(Embeddings.PROBE), timeout, answer);
            case RERANK ->
                rerank(
                    endpoint,
                    new RerankRequest(
                        List.of(InferenceString.ofText(Embeddings.PROBE)),
                        InferenceString.ofText(PROBE_QUESTION),
                        null,
                        null,
                        Map.of()),
                    timeout,
                    answer);
            case CHAT_COMPLETION ->
                call(endpoint)
                    .begin(
                        body(endpoint, ChatBody.of(Embeddings.PROBE), true),
                        timeout,
                        answer.map(begun -> null));
            default -> complete(endpoint, List.of(Embeddings.PROBE), false, timeout, answer);
          }
        });
  }

  /** The similarity of vectors for which none was given. */
  abstract String similarityByDefault();

  @Override
  public void change(
      Endpoint before, Endpoint after, TimeValue timeout, ActionListener<Endpoint> listener) {
    create(after, timeout, listener);
  }

  @Override
  public void delete(Endpoint endpoint, ActionListener<Void> listener) {
    listener.onResponse(null);
  }

  @Override
  public void infer(
      Endpoint endpoint,
      InferenceAction.Request request,
      ActionListener<InferenceServiceResults> listener) {
    TimeValue timeout = Timeouts.of(request.getInferenceTimeout(), endpoint.taskType());
    ActionListener.run(
        listener,
        answer -> {
          Endpoint asked = override(endpoint, new HashMap<>(request.getTaskSettings()));
          if (EMBEDDING.contains(endpoint.taskType())) {
            checkInputType(request.getInputType());
            embed(asked, request.getInput(), timeout, answer);
          } else {
            complete(asked, request.getInput(), request.isStreaming(), timeout, answer);
          }
        });
  }

  private static void checkInputType(InputType inputType) {
    if (inputType != null && InputType.isInternalTypeOrUnspecified(inputType) == false) {
      ValidationException errors = new ValidationException();
      errors.addValidationError(
          "Invalid input_type ["
              + inputType
              + "]. The input_type option is not supported by this service");
      throw errors;
    }
  }

  private void complete(
      Endpoint endpoint,
      List<String> texts,
      boolean stream,
      TimeValue timeout,
      ActionListener<InferenceServiceResults> listener)
      throws IOException {
    if (texts.size() > 1) {
      throw new ElasticsearchStatusException(
          "{} only accepts 1 input", RestStatus.BAD_REQUEST, completions());
    }
    BytesReference body = body(endpoint, ChatBody.of(texts.get(0)), stream);
    if (stream) {
      call(endpoint).streamText(body, timeout, listener);
    } else {
      call(endpoint).send(body, timeout, ServerReplies::completion, listener);
    }
  }

  @Override
  public void chat(
      Endpoint endpoint,
      UnifiedCompletionAction.Request request,
      ActionListener<InferenceServiceResults> listener) {
    ActionListener.run(
        listener,
        answer ->
            call(endpoint)
                .streamChat(
                    body(endpoint, request.getUnifiedCompletionRequest(), true),
                    Timeouts.of(request.getTimeout(), endpoint.taskType()),
                    answer));
  }

  private BytesReference body(Endpoint endpoint, UnifiedCompletionRequest request, boolean stream)
      throws IOException {
    return ChatBody.of(request, chatParams(endpoint, request), stream, user(endpoint));
  }

  /** The model that a request names, or else the endpoint's. */
  static String model(Endpoint endpoint, UnifiedCompletionRequest request) {
    return request.model() == null ? endpoint.text(EndpointSettings.MODEL_ID) : request.model();
  }
}

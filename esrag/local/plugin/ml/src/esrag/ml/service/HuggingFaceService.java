package esrag.ml.service;

import esrag.ml.endpoint.Endpoint;
import esrag.ml.endpoint.EndpointSettings;
import esrag.ml.endpoint.InferenceProvider;
import esrag.ml.http.AsyncHttp;
import java.io.IOException;
import java.net.URI;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.common.ValidationException;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.InferenceServiceConfiguration;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.inference.ModelConfigurations;
import org.elasticsearch.inference.ModelSecrets;
import org.elasticsearch.inference.SettingsConfiguration;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.inference.configuration.SettingsConfigurationFieldType;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.inference.action.UnifiedCompletionAction;

/**
 * The service {@code hugging_face}: completes and chats by a TGI server, or embeds by an embedding
 * server, at the address of the endpoint.
 */
public final class HuggingFaceService implements InferenceProvider {
  public static final String NAME = "hugging_face";
  static final String URL = "url";
  static final String API_KEY = "api_key";
  private static final String RATE_LIMIT = "rate_limit";
  private static final String REQUESTS_PER_MINUTE = "requests_per_minute";
  private static final int STANDARD_RATE = 3000;

  /** A new endpoint is proved by a few tokens; a local generator may be slow. */
  private static final int PROBE_TOKENS = 5;

  private final AsyncHttp http;

  public HuggingFaceService(AsyncHttp http) {
    this.http = http;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Set<TaskType> tasks() {
    return EnumSet.of(TaskType.TEXT_EMBEDDING, TaskType.COMPLETION, TaskType.CHAT_COMPLETION);
  }

  @Override
  public Endpoint read(Endpoint draft, Map<String, Object> serviceSettings) {
    ValidationException errors = new ValidationException();
    SettingsReader reader =
        new SettingsReader(serviceSettings, ModelConfigurations.SERVICE_SETTINGS, errors);
    Map<String, Object> settings = new LinkedHashMap<>();
    String modelId = reader.optionalText(EndpointSettings.MODEL_ID);
    if (modelId != null) {
      settings.put(EndpointSettings.MODEL_ID, modelId);
    }
    settings.put(URL, url(reader.requiredText(URL), errors));
    settings.put(RATE_LIMIT, Map.of(REQUESTS_PER_MINUTE, rate(reader, errors)));
    String key =
        new SettingsReader(serviceSettings, ModelSecrets.SECRET_SETTINGS, errors)
            .requiredText(API_KEY);
    errors.throwIfValidationErrorsExist();
    return new Endpoint(
        draft.inferenceId(),
        draft.taskType(),
        draft.service(),
        settings,
        Map.of(API_KEY, key),
        draft.chunking());
  }

  private static String url(String text, ValidationException errors) {
    if (text == null) {
      return null;
    }
    try {
      URI uri = URI.create(text);
      if (uri.getHost() != null
          && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
        return text;
      }
    } catch (IllegalArgumentException e) {
      // Said below, in the same words as for an address without a host.
    }
    errors.addValidationError(
        "[service_settings] Invalid url [" + text + "] received for field [" + URL + "]");
    return null;
  }

  private static int rate(SettingsReader reader, ValidationException errors) {
    Map<?, ?> limit = reader.optionalObject(RATE_LIMIT);
    if (limit == null) {
      return STANDARD_RATE;
    }
    if (limit.get(REQUESTS_PER_MINUTE) instanceof Integer rate && rate > 0) {
      return rate;
    }
    errors.addValidationError(
        "[service_settings] Invalid value ["
            + limit.get(REQUESTS_PER_MINUTE)
            + "]. ["
            + REQUESTS_PER_MINUTE
            + "] must be a positive integer");
    return STANDARD_RATE;
  }

  @Override
  public void create(Endpoint endpoint, TimeValue timeout, ActionListener<Endpoint> listener) {
    ActionListener<Endpoint> proven =
        listener.delegateResponse((next, failure) -> next.onFailure(Embeddings.unproven(failure)));
    InferenceAction.Request probe = Embeddings.probe(endpoint, timeout);
    if (endpoint.taskType() == TaskType.TEXT_EMBEDDING) {
      embed(endpoint, probe, proven.map(results -> Embeddings.measured(endpoint, results)));
      return;
    }
    ActionListener.run(
        proven.map(results -> endpoint),
        (ActionListener<InferenceServiceResults> answer) ->
            new HuggingFaceCall(http, endpoint)
                .complete(
                    ChatBody.texts(endpoint, probe.getInput(), PROBE_TOKENS, false),
                    timeout,
                    answer));
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
    if (endpoint.taskType() == TaskType.TEXT_EMBEDDING) {
      embed(endpoint, request, listener);
      return;
    }
    boolean stream = request.isStreaming();
    ActionListener.run(
        listener,
        answer -> {
          BytesReference body = ChatBody.texts(endpoint, request.getInput(), null, stream);
          HuggingFaceCall call = new HuggingFaceCall(http, endpoint);
          TimeValue timeout = Timeouts.of(request.getInferenceTimeout(), endpoint.taskType());
          if (stream) {
            call.streamText(body, timeout, answer);
          } else {
            call.complete(body, timeout, answer);
          }
        });
  }

  private void embed(
      Endpoint endpoint,
      InferenceAction.Request request,
      ActionListener<InferenceServiceResults> listener) {
    ActionListener.run(
        listener,
        answer ->
            new HuggingFaceCall(http, endpoint)
                .embed(
                    inputs(request),
                    request.getInput().size(),
                    Timeouts.of(request.getInferenceTimeout(), endpoint.taskType()),
                    answer));
  }

  private static BytesReference inputs(InferenceAction.Request request) throws IOException {
    try (XContentBuilder json = XContentBuilder.builder(XContentType.JSON.xContent())) {
      json.startObject().field("inputs", request.getInput()).endObject();
      return BytesReference.bytes(json);
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
            new HuggingFaceCall(http, endpoint)
                .streamChat(
                    ChatBody.conversation(endpoint, request.getUnifiedCompletionRequest(), true),
                    Timeouts.of(request.getTimeout(), endpoint.taskType()),
                    answer));
  }

  @Override
  public InferenceServiceConfiguration configuration() {
    Map<String, SettingsConfiguration> shown = new LinkedHashMap<>();
    shown.put(URL, setting("URL", "The URL endpoint to use for the requests.", true, false));
    shown.put(
        API_KEY, setting("API Key", "API Key for the provider you're connecting to.", true, true));
    shown.put(
        EndpointSettings.MODEL_ID,
        setting("Model ID", "The name of the model to use for the inference task.", false, false));
    return new InferenceServiceConfiguration.Builder()
        .setService(NAME)
        .setName("Hugging Face")
        .setTaskTypes(EnumSet.copyOf(tasks()))
        .setConfigurations(shown)
        .build();
  }

  private SettingsConfiguration setting(
      String label, String description, boolean required, boolean sensitive) {
    return new SettingsConfiguration.Builder(EnumSet.copyOf(tasks()))
        .setLabel(label)
        .setDescription(description)
        .setRequired(required)
        .setSensitive(sensitive)
        .setUpdatable(sensitive)
        .setType(SettingsConfigurationFieldType.STRING)
        .build();
  }
}

package esrag.ml.service;

import esrag.ml.endpoint.Endpoint;
import esrag.ml.endpoint.EndpointSettings;
import esrag.ml.http.AsyncHttp;
import java.io.IOException;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.InferenceServiceConfiguration;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.inference.ModelConfigurations;
import org.elasticsearch.inference.SimilarityMeasure;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.inference.UnifiedCompletionRequest;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;

/**
 * The service {@code openai}: embeds, completes and chats by any server with OpenAI's routes. An
 * endpoint without an address goes to OpenAI's own.
 */
public final class OpenAiService extends RemoteService {
  public static final String NAME = "openai";
  private static final String ORGANIZATION = "organization_id";
  private static final String USER = "user";
  private static final String HEADERS = "headers";
  private static final String HOME = "https://api.openai.com/v1/";
  private static final int EMBEDDING_RATE = 3000;
  private static final int COMPLETION_RATE = 500;

  private final AsyncHttp http;
  private final Pace pace;

  public OpenAiService(AsyncHttp http, ThreadPool threadPool) {
    this.http = http;
    this.pace = new Pace(threadPool);
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
  public void read(Endpoint draft, Given given, ActionListener<Endpoint> listener) {
    ActionListener.completeWith(
        listener,
        () -> {
          moveModel(given);
          Endpoint endpoint = draft.with(settings(draft.taskType(), given.service()));
          Endpoint asked = override(endpoint, given.task());
          return asked.withSecrets(secrets(given.service()));
        });
  }

  /** The model once stood in the task settings, and may still. */
  private static void moveModel(Given given) {
    if (given.service().containsKey(EndpointSettings.MODEL_ID)) {
      return;
    }
    Object model = given.task().remove("model");
    if (model == null) {
      model = given.task().remove(EndpointSettings.MODEL_ID);
    }
    if (model != null) {
      given.service().put(EndpointSettings.MODEL_ID, model);
    }
  }

  private static Map<String, Object> settings(TaskType task, Map<String, Object> given) {
    SettingsReader reader = new SettingsReader(given, ModelConfigurations.SERVICE_SETTINGS);
    boolean embeds = task == TaskType.TEXT_EMBEDDING;
    String url = reader.optionalUrl(URL);
    String organization = reader.optionalText(ORGANIZATION);
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put(EndpointSettings.MODEL_ID, null);
    Settings.put(settings, URL, url);
    Settings.put(settings, ORGANIZATION, organization);
    if (embeds) {
      Settings.put(
          settings, EndpointSettings.SIMILARITY, reader.similarity(EndpointSettings.SIMILARITY));
      Integer dimensions = reader.optionalPositive(EndpointSettings.DIMENSIONS);
      Settings.put(settings, EndpointSettings.DIMENSIONS, dimensions);
      settings.put(EndpointSettings.DIMENSIONS_SET_BY_USER, dimensions != null);
    }
    Settings.put(settings, MAX_INPUT_TOKENS, reader.optionalPositive(MAX_INPUT_TOKENS));
    settings.put(EndpointSettings.MODEL_ID, reader.requiredText(EndpointSettings.MODEL_ID));
    settings.put(
        SettingsReader.RATE_LIMIT,
        reader.rateLimit(embeds ? EMBEDDING_RATE : COMPLETION_RATE, NAME));
    reader.finish();
    return settings;
  }

  @Override
  Endpoint override(Endpoint endpoint, Map<String, Object> taskSettings) {
    Map<String, Object> left = taskSettings.isEmpty() ? new HashMap<>() : taskSettings;
    SettingsReader reader = new SettingsReader(left, ModelConfigurations.TASK_SETTINGS);
    Map<String, Object> merged = new LinkedHashMap<>(endpoint.taskSettings());
    Settings.put(merged, USER, reader.optionalText(USER));
    Map<String, Object> headers = reader.optionalTexts(HEADERS);
    if (headers != null && headers.isEmpty() == false) {
      merged.put(HEADERS, headers);
    }
    reader.finish();
    return endpoint.withTask(merged);
  }

  @Override
  RemoteCall call(Endpoint endpoint) {
    boolean embeds = endpoint.taskType() == TaskType.TEXT_EMBEDDING;
    String given = endpoint.text(URL);
    String home = HOME + (embeds ? "embeddings" : "chat/completions");
    return new RemoteCall(
        http,
        pace,
        endpoint,
        given == null ? home : given,
        headers(endpoint),
        "Failed to send " + (embeds ? "OpenAI embeddings" : completions()) + " request",
        endpoint.taskType() == TaskType.CHAT_COMPLETION ? Wording.OPENAI_CHAT : Wording.OPENAI);
  }

  private static Map<String, String> headers(Endpoint endpoint) {
    Map<String, String> headers = bearer(endpoint);
    String organization = endpoint.text(ORGANIZATION);
    if (organization != null) {
      headers.put("OpenAI-Organization", organization);
    }
    if (endpoint.taskSettings().get(HEADERS) instanceof Map<?, ?> more) {
      more.forEach((name, value) -> headers.put(name.toString(), value.toString()));
    }
    return headers;
  }

  @Override
  ToXContent.Params chatParams(Endpoint endpoint, UnifiedCompletionRequest request) {
    return UnifiedCompletionRequest.withMaxCompletionTokens(
        model(endpoint, request), ToXContent.EMPTY_PARAMS);
  }

  @Override
  String user(Endpoint endpoint) {
    return endpoint.taskSettings().get(USER) instanceof String user ? user : null;
  }

  @Override
  String completions() {
    return "OpenAI chat completions";
  }

  @Override
  String similarityByDefault() {
    return SimilarityMeasure.DOT_PRODUCT.toString();
  }

  @Override
  void embed(
      Endpoint endpoint,
      List<String> texts,
      TimeValue timeout,
      ActionListener<InferenceServiceResults> listener)
      throws IOException {
    try (XContentBuilder json = XContentBuilder.builder(XContentType.JSON.xContent())) {
      json.startObject()
          .field("input", texts)
          .field("model", endpoint.text(EndpointSettings.MODEL_ID));
      if (user(endpoint) != null) {
        json.field(USER, user(endpoint));
      }
      if (Boolean.TRUE.equals(endpoint.settings().get(EndpointSettings.DIMENSIONS_SET_BY_USER))) {
        json.field(EndpointSettings.DIMENSIONS, endpoint.number(EndpointSettings.DIMENSIONS));
      }
      json.endObject();
      call(endpoint)
          .send(
              BytesReference.bytes(json),
              timeout,
              reply -> ServerReplies.data(reply, texts.size()),
              listener);
    }
  }

  @Override
  public InferenceServiceConfiguration configuration() {
    EnumSet<TaskType> tasks = EnumSet.copyOf(tasks());
    return new ShownSettings(NAME, "OpenAI", tasks)
        .text(
            EndpointSettings.MODEL_ID,
            "Model ID",
            "The name of the model to use for the inference task.",
            tasks,
            true)
        .secret(
            API_KEY,
            "API Key",
            "The OpenAI API authentication key. For more details about generating OpenAI API keys,"
                + " refer to the https://platform.openai.com/account/api-keys.")
        .text(
            ORGANIZATION,
            "Organization ID",
            "The unique identifier of your organization.",
            tasks,
            false)
        .text(
            URL,
            "URL",
            "The absolute URL of the external service to send requests to.",
            tasks,
            false)
        .number(
            EndpointSettings.DIMENSIONS,
            "Dimensions",
            "The number of dimensions the resulting embeddings should have. For more information"
                + " refer to https://platform.openai.com/docs/api-reference/embeddings/create#"
                + "embeddings-create-dimensions.",
            EnumSet.of(TaskType.TEXT_EMBEDDING),
            false)
        .map(HEADERS, "Custom Headers", "Custom headers to include in the requests to OpenAI.")
        .rateLimit(
            "Default number of requests allowed per minute. For text_embedding is 3000. For"
                + " completion is 500.")
        .build();
  }
}

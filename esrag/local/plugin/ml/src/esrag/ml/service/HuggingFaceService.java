package esrag.ml.service;

import esrag.ml.endpoint.Endpoint;
import esrag.ml.endpoint.EndpointSettings;
import esrag.ml.http.AsyncHttp;
import java.io.IOException;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.InferenceServiceConfiguration;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.inference.InferenceString;
import org.elasticsearch.inference.ModelConfigurations;
import org.elasticsearch.inference.RerankRequest;
import org.elasticsearch.inference.SimilarityMeasure;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.inference.UnifiedCompletionRequest;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;

/**
 * The service {@code hugging_face}: completes and chats by a TGI server, embeds or ranks by a text
 * embeddings inference server, at the address of the endpoint.
 */
public final class HuggingFaceService extends RemoteService {
  public static final String NAME = "hugging_face";
  private static final int STANDARD_RATE = 3000;

  /** How many tokens ELSER reads, which the server takes every sparse model to be. */
  private static final int ELSER_TOKENS = 512;

  private static final EnumSet<TaskType> GENERATION =
      EnumSet.of(TaskType.COMPLETION, TaskType.CHAT_COMPLETION);

  private final AsyncHttp http;
  private final Pace pace;

  public HuggingFaceService(AsyncHttp http, ThreadPool threadPool) {
    this.http = http;
    this.pace = new Pace(threadPool);
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Set<TaskType> tasks() {
    return EnumSet.of(
        TaskType.TEXT_EMBEDDING,
        TaskType.SPARSE_EMBEDDING,
        TaskType.RERANK,
        TaskType.COMPLETION,
        TaskType.CHAT_COMPLETION);
  }

  @Override
  public void read(Endpoint draft, Given given, ActionListener<Endpoint> listener) {
    ActionListener.completeWith(
        listener,
        () -> {
          Endpoint endpoint = draft.with(settings(draft.taskType(), given.service()));
          return override(endpoint.withSecrets(secrets(given.service())), given.task());
        });
  }

  private static Map<String, Object> settings(TaskType task, Map<String, Object> given) {
    SettingsReader reader = new SettingsReader(given, ModelConfigurations.SERVICE_SETTINGS);
    Map<String, Object> settings = new LinkedHashMap<>();
    if (GENERATION.contains(task)) {
      Settings.put(
          settings, EndpointSettings.MODEL_ID, reader.optionalText(EndpointSettings.MODEL_ID));
    }
    Settings.put(settings, URL, reader.requiredUrl(URL));
    if (task == TaskType.TEXT_EMBEDDING) {
      Settings.put(
          settings, EndpointSettings.SIMILARITY, reader.similarity(EndpointSettings.SIMILARITY));
      Settings.put(
          settings,
          EndpointSettings.DIMENSIONS,
          reader.optionalPositive(EndpointSettings.DIMENSIONS));
      Settings.put(settings, MAX_INPUT_TOKENS, reader.optionalPositive(MAX_INPUT_TOKENS));
    }
    if (task == TaskType.SPARSE_EMBEDDING) {
      settings.put(MAX_INPUT_TOKENS, ELSER_TOKENS);
    }
    settings.put(SettingsReader.RATE_LIMIT, reader.rateLimit(STANDARD_RATE, NAME));
    reader.finish();
    return settings;
  }

  @Override
  Endpoint override(Endpoint endpoint, Map<String, Object> taskSettings) {
    return endpoint.taskType() == TaskType.RERANK
        ? endpoint.withTask(RerankWishes.merged(endpoint, taskSettings))
        : endpoint;
  }

  @Override
  RemoteCall call(Endpoint endpoint) {
    return new RemoteCall(
        http,
        pace,
        endpoint,
        endpoint.text(URL),
        bearer(endpoint),
        "Failed to send Hugging Face "
            + endpoint.taskType()
            + " request from inference entity id ["
            + endpoint.inferenceId()
            + "]",
        switch (endpoint.taskType()) {
          case CHAT_COMPLETION -> Wording.HUGGING_FACE_CHAT;
          case COMPLETION -> Wording.OPENAI;
          default -> Wording.HUGGING_FACE;
        });
  }

  @Override
  ToXContent.Params chatParams(Endpoint endpoint, UnifiedCompletionRequest request) {
    return UnifiedCompletionRequest.withMaxTokens(
        model(endpoint, request), ToXContent.EMPTY_PARAMS);
  }

  @Override
  String user(Endpoint endpoint) {
    return null;
  }

  @Override
  String completions() {
    return "Hugging Face completions";
  }

  @Override
  String similarityByDefault() {
    return SimilarityMeasure.COSINE.toString();
  }

  @Override
  void embed(
      Endpoint endpoint,
      List<String> texts,
      TimeValue timeout,
      ActionListener<InferenceServiceResults> listener)
      throws IOException {
    try (XContentBuilder json = XContentBuilder.builder(XContentType.JSON.xContent())) {
      json.startObject().field("inputs", texts).endObject();
      call(endpoint)
          .send(
              BytesReference.bytes(json),
              timeout,
              reply ->
                  endpoint.taskType() == TaskType.SPARSE_EMBEDDING
                      ? ServerReplies.tokens(reply)
                      : ServerReplies.vectors(reply, texts.size()),
              listener);
    }
  }

  @Override
  public void rerank(
      Endpoint endpoint,
      RerankRequest request,
      TimeValue timeout,
      ActionListener<InferenceServiceResults> listener) {
    ActionListener.run(
        listener,
        answer -> {
          RerankWishes wishes = RerankWishes.of(endpoint, request);
          call(endpoint)
              .send(
                  ranking(request, wishes),
                  Timeouts.of(timeout, endpoint.taskType()),
                  reply -> ServerReplies.ranking(reply, wishes.most()),
                  answer);
        });
  }

  private static BytesReference ranking(RerankRequest request, RerankWishes wishes)
      throws IOException {
    try (XContentBuilder json = XContentBuilder.builder(XContentType.JSON.xContent())) {
      json.startObject()
          .field("texts", InferenceString.toStringList(request.inputs()))
          .field("query", InferenceString.textValue(request.query()));
      if (wishes.withTexts() != null) {
        json.field("return_text", wishes.withTexts());
      }
      if (wishes.most() != null) {
        json.field(RerankWishes.TOP_N, wishes.most());
      }
      return BytesReference.bytes(json.endObject());
    }
  }

  @Override
  public InferenceServiceConfiguration configuration() {
    EnumSet<TaskType> tasks = EnumSet.copyOf(tasks());
    return new ShownSettings(NAME, "Hugging Face", tasks)
        .text(URL, "URL", "The URL endpoint to use for the requests.", tasks, true)
        .secret(API_KEY, "API Key", "API Key for the provider you're connecting to.")
        .text(
            EndpointSettings.MODEL_ID,
            "Model ID",
            "The name of the model to use for the inference task.",
            GENERATION,
            false)
        .rateLimit("Minimize the number of rate limit errors.")
        .build();
  }
}

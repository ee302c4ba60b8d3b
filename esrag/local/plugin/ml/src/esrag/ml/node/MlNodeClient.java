package esrag.ml.node;

import esrag.ml.http.AsyncHttp;
import esrag.ml.http.Reply;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.lucene.util.BytesRef;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.core.CheckedFunction;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;

/**
 * Speaks to the ML node process, the stand-in for a cluster's ML nodes: trained models, deployments
 * and inference over HTTP and JSON.
 *
 * <p>Its refusals come back as {@link MlNodeException}; when it cannot be reached, the failure is a
 * 503 that names it. This class gives them no Elasticsearch wording: the actions do.
 */
public final class MlNodeClient {
  private static final Duration LOOK = Duration.ofSeconds(10);
  private static final Duration SHORT = Duration.ofSeconds(30);
  private static final Duration LONG = Duration.ofMinutes(5);

  private final AsyncHttp http;
  private final String url;

  public MlNodeClient(AsyncHttp http, String url) {
    this.http = http;
    this.url = url.endsWith("/") ? url.substring(0, url.length() - 1) : url;
  }

  /** Models, deployments and aliases together. */
  public void catalogue(ActionListener<Catalogue> listener) {
    models(
        listener.delegateFailureAndWrap(
            (afterModels, models) ->
                deployments(
                    afterModels.delegateFailureAndWrap(
                        (next, deployments) ->
                            aliases(
                                next.map(
                                    aliases -> new Catalogue(models, deployments, aliases)))))));
  }

  /** All models. */
  public void models(ActionListener<List<StoredModel>> listener) {
    call(get("/models"), listener, reply -> list(reply, "models").map(StoredModel::of).toList());
  }

  /** One model; fails with kind {@code not_found}. */
  public void model(String modelId, ActionListener<StoredModel> listener) {
    call(get("/models/" + encode(modelId)), listener, reply -> StoredModel.of(reply.json()));
  }

  public void putModel(String modelId, BytesReference config, ActionListener<Void> listener) {
    call(json("PUT", "/models/" + encode(modelId), config, SHORT), listener, reply -> null);
  }

  public void deleteModel(String modelId, boolean force, ActionListener<Void> listener) {
    String path = "/models/" + encode(modelId) + (force ? "?force=true" : "");
    call(request(path, LONG).DELETE().build(), listener, reply -> null);
  }

  /** Stores one part of the definition; answers whether the definition is complete now. */
  public void putPart(
      String modelId,
      int part,
      int totalParts,
      long totalLength,
      BytesReference bytes,
      ActionListener<Boolean> listener) {
    String path =
        "/models/%s/definition/%d?total_parts=%d&total_definition_length=%d"
            .formatted(encode(modelId), part, totalParts, totalLength);
    HttpRequest request =
        request(path, LONG)
            .header("content-type", "application/octet-stream")
            .PUT(publisher(bytes))
            .build();
    call(request, listener, reply -> Boolean.TRUE.equals(reply.json().get("complete")));
  }

  public void putVocabulary(
      String modelId, BytesReference vocabulary, ActionListener<Void> listener) {
    String path = "/models/" + encode(modelId) + "/vocabulary";
    call(json("PUT", path, vocabulary, LONG), listener, reply -> null);
  }

  /** Starts a deployment and returns while it is still starting. */
  public void start(String deploymentId, BytesReference body, ActionListener<Deployment> listener) {
    String path = "/deployments/" + encode(deploymentId);
    call(json("POST", path, body, SHORT), listener, reply -> Deployment.of(reply.json()));
  }

  public void deployments(ActionListener<List<Deployment>> listener) {
    call(
        get("/deployments"),
        listener,
        reply -> list(reply, "deployments").map(Deployment::of).toList());
  }

  public void deployment(String deploymentId, ActionListener<Deployment> listener) {
    String path = "/deployments/" + encode(deploymentId);
    call(get(path), listener, reply -> Deployment.of(reply.json()));
  }

  /** Changes a running deployment; the body has the new numbers only. */
  public void update(
      String deploymentId, BytesReference body, ActionListener<Deployment> listener) {
    String path = "/deployments/" + encode(deploymentId) + "/_update";
    call(json("POST", path, body, SHORT), listener, reply -> Deployment.of(reply.json()));
  }

  public void clearCache(String deploymentId, ActionListener<Void> listener) {
    String path = "/deployments/" + encode(deploymentId) + "/cache/_clear";
    call(json("POST", path, BytesArray.EMPTY, SHORT), listener, reply -> null);
  }

  /** The ids of models by their aliases. */
  public void aliases(ActionListener<Map<String, String>> listener) {
    call(
        get("/aliases"),
        listener,
        reply -> {
          Map<String, String> aliases = new TreeMap<>();
          Json.object(reply.json(), "aliases")
              .forEach((alias, model) -> aliases.put(alias, model.toString()));
          return aliases;
        });
  }

  /** Makes an alias refer to a model, whatever it referred to before. */
  public void putAlias(String alias, String modelId, ActionListener<Void> listener) {
    BytesReference body;
    try (XContentBuilder json = XContentBuilder.builder(XContentType.JSON.xContent())) {
      body = BytesReference.bytes(json.startObject().field("model_id", modelId).endObject());
    } catch (IOException e) {
      listener.onFailure(e);
      return;
    }
    call(json("PUT", "/aliases/" + encode(alias), body, SHORT), listener, reply -> null);
  }

  public void deleteAlias(String alias, ActionListener<Void> listener) {
    String path = "/aliases/" + encode(alias);
    call(request(path, SHORT).DELETE().build(), listener, reply -> null);
  }

  public void stop(String deploymentId, ActionListener<Void> listener) {
    String path = "/deployments/" + encode(deploymentId);
    call(request(path, LONG).DELETE().build(), listener, reply -> null);
  }

  /** One result per text, in order. */
  public void infer(InferCall call, ActionListener<List<TextResult>> listener) {
    BytesReference body;
    try (XContentBuilder json = XContentBuilder.builder(XContentType.JSON.xContent())) {
      json.startObject().field("inputs", call.inputs()).field("inference_config");
      try (InputStream config = call.inferenceConfig().streamInput()) {
        json.rawValue(config, XContentType.JSON);
      }
      if (call.prefix() != null) {
        json.field("prefix", call.prefix());
      }
      json.field("timeout_ms", call.timeout().millis()).endObject();
      body = BytesReference.bytes(json);
    } catch (IOException e) {
      listener.onFailure(e);
      return;
    }
    // The ML node process keeps the time; ours only guards against its silence.
    Duration guard = Duration.ofMillis(call.timeout().millis()).plusSeconds(10);
    String path = "/deployments/" + encode(call.deploymentId()) + "/infer";
    call(json("POST", path, body, guard), listener, reply -> TextResult.parse(reply.body()));
  }

  private <T> void call(
      HttpRequest request,
      ActionListener<T> listener,
      CheckedFunction<Reply, T, IOException> reader) {
    http.send(
        request,
        ActionListener.wrap(
            reply -> {
              if (reply.ok() == false) {
                listener.onFailure(refusal(reply));
                return;
              }
              T value;
              try {
                value = reader.apply(reply);
              } catch (IOException | RuntimeException e) {
                listener.onFailure(unreadable(reply, e));
                return;
              }
              listener.onResponse(value);
            },
            failure -> listener.onFailure(unreachable(failure))));
  }

  @SuppressWarnings("unchecked")
  private static MlNodeException refusal(Reply reply) {
    RestStatus status = RestStatus.fromCode(reply.status());
    RestStatus shown = status == null ? RestStatus.INTERNAL_SERVER_ERROR : status;
    try {
      Map<String, Object> error = (Map<String, Object>) reply.json().get("error");
      return new MlNodeException(shown, Json.text(error, "type"), Json.text(error, "reason"));
    } catch (RuntimeException e) {
      return new MlNodeException(shown, "failed", "the ML node process answered " + reply.head());
    }
  }

  private ElasticsearchStatusException unreadable(Reply reply, Exception cause) {
    return new ElasticsearchStatusException(
        "The ML node process at [{}] gave an answer that cannot be read: [{}]",
        RestStatus.BAD_GATEWAY,
        cause,
        url,
        reply.head());
  }

  private Exception unreachable(Exception failure) {
    if (failure instanceof ConnectException || failure instanceof HttpConnectTimeoutException) {
      return new ElasticsearchStatusException(
          "The ML node process at [{}] is not running or not reachable; start it with"
              + " [esrag local up]",
          RestStatus.SERVICE_UNAVAILABLE,
          failure,
          url);
    }
    if (failure instanceof HttpTimeoutException) {
      return new ElasticsearchStatusException(
          "The ML node process at [{}] did not answer in time",
          RestStatus.SERVICE_UNAVAILABLE,
          failure,
          url);
    }
    if (failure instanceof IOException) {
      return new ElasticsearchStatusException(
          "The connection to the ML node process at [{}] broke: {}",
          RestStatus.SERVICE_UNAVAILABLE,
          failure,
          url,
          failure.getMessage());
    }
    return failure;
  }

  private HttpRequest get(String path) {
    return request(path, LOOK).GET().build();
  }

  private HttpRequest json(String method, String path, BytesReference body, Duration timeout) {
    return request(path, timeout)
        .header("content-type", "application/json")
        .method(method, publisher(body))
        .build();
  }

  private HttpRequest.Builder request(String path, Duration timeout) {
    return HttpRequest.newBuilder(URI.create(url + path)).timeout(timeout);
  }

  private static HttpRequest.BodyPublisher publisher(BytesReference bytes) {
    BytesRef ref = bytes.toBytesRef();
    return BodyPublishers.ofByteArray(ref.bytes, ref.offset, ref.length);
  }

  @SuppressWarnings("unchecked")
  private static Stream<Map<String, Object>> list(Reply reply, String key) {
    List<Object> entries =
        reply.json().get(key) instanceof List<?> list ? (List<Object>) list : new ArrayList<>();
    return entries.stream().map(entry -> (Map<String, Object>) entry);
  }

  private static String encode(String segment) {
    return URLEncoder.encode(segment, StandardCharsets.UTF_8).replace("+", "%20");
  }
}

package esrag.ml.service;

import esrag.ml.http.Reply;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xcontent.XContentType;
import org.elasticsearch.xpack.core.inference.results.ChatCompletionResults;
import org.elasticsearch.xpack.core.inference.results.DenseEmbeddingFloatResults;
import org.elasticsearch.xpack.core.inference.results.EmbeddingFloatResults;

/** Reads what a Hugging Face server answers, TGI's two shapes of errors included. */
final class ServerReplies {
  private final String inferenceId;

  ServerReplies(String inferenceId) {
    this.inferenceId = inferenceId;
  }

  ChatCompletionResults completion(Reply reply) {
    check(reply);
    List<ChatCompletionResults.Result> results = new ArrayList<>();
    if (reply.json().get("choices") instanceof List<?> choices) {
      for (Object choice : choices) {
        if (choice instanceof Map<?, ?> map && map.get("message") instanceof Map<?, ?> message) {
          Object content = message.get("content");
          results.add(new ChatCompletionResults.Result(content == null ? "" : content.toString()));
        }
      }
    }
    return new ChatCompletionResults(results);
  }

  DenseEmbeddingFloatResults vectors(Reply reply, int expected) throws IOException {
    check(reply);
    List<EmbeddingFloatResults.Embedding> vectors = new ArrayList<>();
    try (XContentParser parser =
        XContentType.JSON
            .xContent()
            .createParser(XContentParserConfiguration.EMPTY, reply.body())) {
      for (Object vector : parser.list()) {
        List<Float> values = new ArrayList<>();
        ((List<?>) vector).forEach(value -> values.add(((Number) value).floatValue()));
        vectors.add(EmbeddingFloatResults.Embedding.of(values));
      }
    }
    if (vectors.size() != expected) {
      throw new ElasticsearchStatusException(
          "The number of inputs [{}] does not match the embeddings [{}]",
          RestStatus.BAD_REQUEST,
          expected,
          vectors.size());
    }
    return new DenseEmbeddingFloatResults(vectors);
  }

  private void check(Reply reply) {
    if (reply.ok() == false) {
      throw refusal(reply);
    }
  }

  /** The server's own words for a refusal of the service behind an endpoint. */
  ElasticsearchStatusException refusal(Reply reply) {
    String kind =
        switch (reply.status()) {
          case 401 -> "an authentication error";
          case 429 -> "a rate limit";
          default -> reply.status() >= 500 ? "a server error" : "an unsuccessful";
        };
    String message = message(reply);
    return new ElasticsearchStatusException(
        "Received {} status code for request from inference entity id [{}] status [{}]{}",
        status(reply.status()),
        kind,
        inferenceId,
        reply.status(),
        message == null ? "" : ". Error message: [" + message + "]");
  }

  /** A failure of the service is the caller's to repair, hence not a 500 of ours. */
  static RestStatus status(int code) {
    RestStatus status = code < 500 ? RestStatus.fromCode(code) : null;
    return status == null ? RestStatus.BAD_REQUEST : status;
  }

  /** The sentence in {@code {"error": "…"}} or {@code {"error": {"message": "…"}}}, or null. */
  static String message(Reply reply) {
    try {
      return message(reply.json());
    } catch (RuntimeException e) {
      return reply.body().length == 0 ? null : reply.head();
    }
  }

  static String message(Map<String, Object> body) {
    Object error = body.get("error");
    if (error instanceof Map<?, ?> map) {
      error = map.get("message");
    }
    return error == null ? null : error.toString();
  }

  static Map<String, Object> parse(String json) {
    return XContentHelper.convertToMap(XContentType.JSON.xContent(), json, true);
  }
}

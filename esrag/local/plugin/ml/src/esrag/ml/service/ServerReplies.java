package esrag.ml.service;

import esrag.ml.http.Reply;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.inference.WeightedToken;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xcontent.XContentType;
import org.elasticsearch.xpack.core.inference.results.ChatCompletionResults;
import org.elasticsearch.xpack.core.inference.results.DenseEmbeddingFloatResults;
import org.elasticsearch.xpack.core.inference.results.EmbeddingFloatResults;
import org.elasticsearch.xpack.core.inference.results.RankedDocsResults;
import org.elasticsearch.xpack.core.inference.results.SparseEmbeddingResults;

/** Reads what remote services answer into x-pack-core's results. */
final class ServerReplies {
  private ServerReplies() {}

  /** The answers of {@code /v1/chat/completions}. */
  static ChatCompletionResults completion(Reply reply) {
    List<ChatCompletionResults.Result> results = new ArrayList<>();
    for (Map<?, ?> choice : objects(required(reply.json(), "choices"))) {
      if (choice.get("message") instanceof Map<?, ?> message) {
        Object content = message.get("content");
        results.add(new ChatCompletionResults.Result(content == null ? "" : content.toString()));
      }
    }
    return new ChatCompletionResults(results);
  }

  /** Vectors as a list, or as the {@code embeddings} of an object. */
  static DenseEmbeddingFloatResults vectors(Reply reply, int expected) throws IOException {
    Object body = parse(reply);
    Object vectors = body instanceof Map<?, ?> object ? required(object, "embeddings") : body;
    return vectors(((List<?>) vectors).stream(), expected);
  }

  /** Vectors as {@code /v1/embeddings} answers them: lists of numbers, or base64. */
  static DenseEmbeddingFloatResults data(Reply reply, int expected) {
    return vectors(
        objects(required(reply.json(), "data")).stream().map(entry -> required(entry, "embedding")),
        expected);
  }

  private static DenseEmbeddingFloatResults vectors(Stream<?> vectors, int expected) {
    List<EmbeddingFloatResults.Embedding> read =
        vectors.map(vector -> new EmbeddingFloatResults.Embedding(numbers(vector))).toList();
    if (read.size() != expected) {
      throw new ElasticsearchStatusException(
          "The number of inputs [{}] does not match the embeddings [{}]",
          RestStatus.BAD_REQUEST,
          expected,
          read.size());
    }
    return new DenseEmbeddingFloatResults(read);
  }

  private static float[] numbers(Object vector) {
    if (vector instanceof String text) {
      byte[] bytes = Base64.getDecoder().decode(text);
      float[] values = new float[bytes.length / Float.BYTES];
      ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
      return values;
    }
    List<?> list = (List<?>) vector;
    float[] values = new float[list.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = ((Number) list.get(i)).floatValue();
    }
    return values;
  }

  /** Weighted tokens: for each text an object of weights by token. */
  static SparseEmbeddingResults tokens(Reply reply) throws IOException {
    List<SparseEmbeddingResults.Embedding> read = new ArrayList<>();
    for (Map<?, ?> weights : objects(parse(reply))) {
      List<WeightedToken> tokens = new ArrayList<>();
      weights.forEach(
          (token, weight) ->
              tokens.add(new WeightedToken(token.toString(), ((Number) weight).floatValue())));
      read.add(new SparseEmbeddingResults.Embedding(tokens, false));
    }
    return new SparseEmbeddingResults(read);
  }

  /**
   * The ranking of {@code /rerank}, best first.
   *
   * @param most how many are wanted, or null for all: servers may return more
   */
  static RankedDocsResults ranking(Reply reply, Integer most) throws IOException {
    Stream<RankedDocsResults.RankedDoc> ranked =
        objects(parse(reply)).stream()
            .map(ServerReplies::ranked)
            .sorted(
                Comparator.comparingDouble(RankedDocsResults.RankedDoc::relevanceScore).reversed());
    return new RankedDocsResults((most == null ? ranked : ranked.limit(most)).toList());
  }

  private static RankedDocsResults.RankedDoc ranked(Map<?, ?> entry) {
    Object score = entry.containsKey("score") ? entry.get("score") : entry.get("relevance_score");
    Object text =
        entry.get("document") instanceof Map<?, ?> document
            ? document.get("text")
            : entry.get("text");
    return new RankedDocsResults.RankedDoc(
        entry.get("index") instanceof Number index ? index.intValue() : -1,
        score instanceof Number value ? value.floatValue() : -1,
        text == null ? null : text.toString());
  }

  private static Object parse(Reply reply) throws IOException {
    try (XContentParser parser =
        XContentType.JSON
            .xContent()
            .createParser(XContentParserConfiguration.EMPTY, reply.body())) {
      return parser.nextToken() == XContentParser.Token.START_ARRAY ? parser.list() : parser.map();
    }
  }

  private static Object required(Map<?, ?> object, String name) {
    Object value = object.get(name);
    if (value == null) {
      throw new IllegalArgumentException("Required [" + name + "]");
    }
    return value;
  }

  private static List<Map<?, ?>> objects(Object list) {
    List<Map<?, ?>> objects = new ArrayList<>();
    for (Object entry : (List<?>) list) {
      objects.add((Map<?, ?>) entry);
    }
    return objects;
  }
}

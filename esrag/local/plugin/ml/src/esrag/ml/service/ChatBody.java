package esrag.ml.service;

import esrag.ml.endpoint.Endpoint;
import esrag.ml.endpoint.EndpointSettings;
import java.io.IOException;
import java.util.List;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.inference.UnifiedCompletionRequest;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;

/**
 * The body that a Hugging Face endpoint sends to {@code /v1/chat/completions}: the request in
 * x-pack-core's own writing, then {@code n}, {@code stream} and the wish to be told the usage.
 */
final class ChatBody {
  private ChatBody() {}

  /** A conversation as it came, by the model it names or else the endpoint's. */
  static BytesReference conversation(
      Endpoint endpoint, UnifiedCompletionRequest request, boolean stream) throws IOException {
    String model =
        request.model() == null ? endpoint.text(EndpointSettings.MODEL_ID) : request.model();
    try (XContentBuilder json = XContentBuilder.builder(XContentType.JSON.xContent())) {
      json.startObject();
      request.toXContent(
          json, UnifiedCompletionRequest.withMaxTokens(model, ToXContent.EMPTY_PARAMS));
      return end(json, stream);
    }
  }

  /**
   * Texts as messages of the user.
   *
   * @param most the most tokens to answer with, or null for the server's own limit
   */
  static BytesReference texts(Endpoint endpoint, List<String> texts, Integer most, boolean stream)
      throws IOException {
    try (XContentBuilder json = XContentBuilder.builder(XContentType.JSON.xContent())) {
      json.startObject().startArray("messages");
      for (String text : texts) {
        json.startObject().field("content", text).field("role", "user").endObject();
      }
      json.endArray();
      if (endpoint.text(EndpointSettings.MODEL_ID) != null) {
        json.field("model", endpoint.text(EndpointSettings.MODEL_ID));
      }
      if (most != null) {
        json.field("max_tokens", most);
      }
      return end(json, stream);
    }
  }

  private static BytesReference end(XContentBuilder json, boolean stream) throws IOException {
    json.field("n", 1).field("stream", stream);
    if (stream) {
      json.startObject("stream_options").field("include_usage", true).endObject();
    }
    return BytesReference.bytes(json.endObject());
  }
}

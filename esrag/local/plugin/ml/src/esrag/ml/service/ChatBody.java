package esrag.ml.service;

import java.io.IOException;
import java.util.List;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.inference.UnifiedCompletionRequest;
import org.elasticsearch.inference.completion.ContentString;
import org.elasticsearch.inference.completion.Message;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;

/**
 * The body of a request to {@code /v1/chat/completions}: the conversation in x-pack-core's own
 * writing, then {@code n}, {@code stream} and the wish to be told the usage.
 */
final class ChatBody {
  private ChatBody() {}

  /** A text as a message of the user. */
  static UnifiedCompletionRequest of(String text) {
    return UnifiedCompletionRequest.of(
        List.of(new Message(new ContentString(text), "user", null, null)));
  }

  /**
   * @param params which model to name, and how the limit of tokens is called
   * @param user who asks, or null
   */
  static BytesReference of(
      UnifiedCompletionRequest request, ToXContent.Params params, boolean stream, String user)
      throws IOException {
    try (XContentBuilder json = XContentBuilder.builder(XContentType.JSON.xContent())) {
      json.startObject();
      request.toXContent(json, params);
      json.field("n", 1).field("stream", stream);
      if (stream) {
        json.startObject("stream_options").field("include_usage", true).endObject();
      }
      if (user != null) {
        json.field("user", user);
      }
      return BytesReference.bytes(json.endObject());
    }
  }
}

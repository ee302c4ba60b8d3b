package esrag.ml.service;

import esrag.ml.http.Reply;
import java.util.Map;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.xcontent.XContentType;

/**
 * What an error of a remote service says of itself; null where it says nothing.
 *
 * @param sentence the error where it is a text
 * @param message the message where it is an object
 * @param type its type
 * @param code its code
 * @param param the parameter that it is about
 */
record ErrorBody(String sentence, String message, String type, String code, String param) {
  static final ErrorBody NONE = new ErrorBody(null, null, null, null, null);

  static ErrorBody of(Reply reply) {
    try {
      return of(reply.json());
    } catch (RuntimeException e) {
      // Not JSON, so it says nothing that could be shown.
      return NONE;
    }
  }

  static ErrorBody of(Map<String, Object> body) {
    Object error = body.get("error");
    if (error instanceof Map<?, ?> object) {
      Object code = object.get("code");
      return new ErrorBody(
          null,
          text(object.get("message")),
          text(object.get("type")),
          text(code == null ? object.get("http_status_code") : code),
          text(object.get("param")));
    }
    return error instanceof String sentence
        ? new ErrorBody(sentence, null, null, null, null)
        : NONE;
  }

  static Map<String, Object> parse(String json) {
    return XContentHelper.convertToMap(XContentType.JSON.xContent(), json, true);
  }

  private static String text(Object value) {
    return value == null ? null : value.toString();
  }
}

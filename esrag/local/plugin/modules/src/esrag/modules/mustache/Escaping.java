package esrag.modules.mustache;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.elasticsearch.xcontent.XContentType;

/** How a value is escaped where it stands in a template, chosen by the template's media type. */
enum Escaping {
  JSON(Escaping::json),
  NONE(UnaryOperator.identity()),
  FORM(value -> URLEncoder.encode(value, StandardCharsets.UTF_8));

  private static final String DEFAULT_MEDIA_TYPE = XContentType.JSON.mediaTypeWithoutParameters();
  private static final Map<String, Escaping> BY_MEDIA_TYPE =
      Map.of(
          "application/json;charset=utf-8", JSON,
          "application/json; charset=utf-8", JSON,
          "application/json", JSON,
          "text/plain", NONE,
          "application/x-www-form-urlencoded", FORM);

  private final UnaryOperator<String> escape;

  Escaping(UnaryOperator<String> escape) {
    this.escape = escape;
  }

  static Escaping forMediaType(String mediaType) {
    Escaping escaping = BY_MEDIA_TYPE.get(mediaType == null ? DEFAULT_MEDIA_TYPE : mediaType);
    if (escaping == null) {
      throw new IllegalArgumentException("No encoder found for media type [" + mediaType + "]");
    }
    return escaping;
  }

  String apply(String value) {
    return escape.apply(value);
  }

  private static String json(String value) {
    StringBuilder out = new StringBuilder(value.length() + 16);
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (c < ' ') {
            out.append(String.format("\\u%04X", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    return out.toString();
  }
}

package esrag.ml.http;

import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.xcontent.XContentType;

/**
 * What an HTTP server answered: a status and the whole body.
 *
 * @param status the HTTP status code
 * @param body the bytes of the body
 * @param headers the headers of the answer
 */
public record Reply(int status, byte[] body, HttpHeaders headers) {

  /** An answer whose headers nobody asks for. */
  public Reply(int status, byte[] body) {
    this(status, body, HttpHeaders.of(Map.of(), (name, value) -> true));
  }

  /** Whether the status is one of the 200s. */
  public boolean ok() {
    return status >= 200 && status < 300;
  }

  /** The body as a JSON object. */
  public Map<String, Object> json() {
    return XContentHelper.convertToMap(new BytesArray(body), true, XContentType.JSON).v2();
  }

  /** The start of the body as text, for messages. */
  public String head() {
    String text = new String(body, StandardCharsets.UTF_8);
    return text.length() <= 500 ? text : text.substring(0, 500) + "…";
  }
}

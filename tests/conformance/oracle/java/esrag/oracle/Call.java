package esrag.oracle;

import java.util.List;
import java.util.Map;
import org.elasticsearch.rest.RestRequest;

/**
 * One line of input: a REST call as it would go over HTTP.
 *
 * @param id echoed in the answer
 * @param kind what the call is, e.g. {@code put_trained_model}
 * @param method the HTTP method
 * @param uri path and query, as sent
 * @param path the parameters that the route takes from the path
 * @param body the body as text, or null
 * @param args what a question that is no REST call asks about
 * @param state what the server would find when it accepts the call, and so refuse it; or null
 */
record Call(
    String id,
    String kind,
    RestRequest.Method method,
    String uri,
    Map<String, String> path,
    String body,
    Map<String, Object> args,
    Refusal state) {

  /** A refusal that depends on what the server holds: its name and what it is about. */
  record Refusal(String name, List<String> values) {}

  @SuppressWarnings("unchecked")
  static Call of(Map<String, Object> line) {
    Map<String, Object> state = (Map<String, Object>) line.get("state");
    return new Call(
        (String) line.get("id"),
        (String) line.get("kind"),
        line.containsKey("method") ? RestRequest.Method.valueOf((String) line.get("method")) : null,
        (String) line.get("uri"),
        (Map<String, String>) line.getOrDefault("path", Map.of()),
        (String) line.get("body"),
        (Map<String, Object>) line.getOrDefault("args", Map.of()),
        state == null
            ? null
            : new Refusal((String) state.get("name"), (List<String>) state.get("values")));
  }
}

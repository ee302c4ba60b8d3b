package esrag.oracle;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.elasticsearch.common.Strings;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.json.JsonXContent;

/**
 * Says what x-pack-core makes of requests: one JSON object a line in, one a line out, in order.
 *
 * <p>It runs no server and keeps nothing; it knows nothing of the local stack.
 */
public final class Oracle {
  private final NamedXContentRegistry registry = SearchCalls.registry();
  private final Map<String, Reading> readings = new HashMap<>();

  private Oracle() {
    readings.putAll(ModelCalls.all());
    readings.putAll(DeploymentCalls.all());
    readings.putAll(InferenceCalls.all());
    readings.putAll(SearchCalls.all());
  }

  /** Answers until standard input ends. */
  public static void main(String[] arguments) throws IOException {
    PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    System.setOut(System.err); // log lines must not get among the answers
    LogConfigurator.configureESLogging();
    Oracle oracle = new Oracle();
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      answers.println(oracle.answer(line));
    }
  }

  private String answer(String line) throws IOException {
    Call call = Call.of(XContentHelper.convertToMap(JsonXContent.jsonXContent, line, true));
    Map<String, Object> answer = new HashMap<>(Map.of("id", call.id()));
    answer.putAll(answer(call));
    try (XContentBuilder json = Json.builder()) {
      return Strings.toString(json.map(answer));
    }
  }

  private Map<String, Object> answer(Call call) throws IOException {
    Reading reading = readings.get(call.kind());
    if (reading != null) {
      return Exchange.run(call, reading, registry);
    }
    return switch (call.kind()) {
      case "privilege" -> Privileges.answer(call.args());
      case "result" -> Results.answer(call.args());
      default -> throw new IllegalArgumentException("unknown kind " + call.kind());
    };
  }
}

package esrag.ml.node;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xcontent.XContentType;

/**
 * What the ML node process made of one text: the result of a task, or the sentence saying why not.
 *
 * @param type the task whose result it is
 * @param values the vector of text embedding, null for the other tasks
 * @param fields what the other tasks have, as it came
 * @param truncated whether the text was longer than the model reads
 * @param error why there is no result, null when there is one
 */
public record TextResult(
    String type, double[] values, Map<String, Object> fields, boolean truncated, String error) {

  /** Reads the answer to an infer call; vectors without building lists of boxed numbers. */
  static List<TextResult> parse(byte[] body) throws IOException {
    List<TextResult> results = new ArrayList<>();
    try (XContentParser parser =
        XContentType.JSON.xContent().createParser(XContentParserConfiguration.EMPTY, body)) {
      parser.nextToken();
      while (parser.nextToken() == XContentParser.Token.FIELD_NAME) {
        boolean wanted = "results".equals(parser.currentName());
        XContentParser.Token token = parser.nextToken();
        if (wanted && token == XContentParser.Token.START_ARRAY) {
          while (parser.nextToken() == XContentParser.Token.START_OBJECT) {
            results.add(one(parser));
          }
        } else {
          parser.skipChildren();
        }
      }
    }
    return results;
  }

  private static TextResult one(XContentParser parser) throws IOException {
    String type = null;
    double[] values = null;
    Map<String, Object> fields = new HashMap<>();
    boolean truncated = false;
    String error = null;
    while (parser.nextToken() == XContentParser.Token.FIELD_NAME) {
      String field = parser.currentName();
      XContentParser.Token token = parser.nextToken();
      switch (field) {
        case "type" -> type = parser.text();
        case "values" -> values = vector(parser);
        case "is_truncated" -> truncated = parser.booleanValue();
        case "error" -> error = parser.textOrNull();
        default -> fields.put(field, value(parser, token));
      }
    }
    if (type == null && error == null) {
      error = "the ML node process answered neither a result nor an error";
    }
    return new TextResult(type, values, fields, truncated, error);
  }

  private static Object value(XContentParser parser, XContentParser.Token token)
      throws IOException {
    return switch (token) {
      case START_ARRAY -> parser.list();
      case START_OBJECT -> parser.map();
      default -> parser.objectText();
    };
  }

  private static double[] vector(XContentParser parser) throws IOException {
    double[] values = new double[512];
    int size = 0;
    while (parser.nextToken() != XContentParser.Token.END_ARRAY) {
      if (size == values.length) {
        values = Arrays.copyOf(values, size * 2);
      }
      values[size++] = parser.doubleValue();
    }
    return Arrays.copyOf(values, size);
  }

  /** A number among the fields. */
  public double number(String name) {
    return Json.decimal(fields, name);
  }

  /** A whole number among the fields. */
  public int whole(String name) {
    return (int) Json.number(fields, name, 0);
  }

  /** A text among the fields. */
  public String text(String name) {
    return Json.text(fields, name);
  }

  /** A list among the fields; an absent one is empty. */
  public List<?> list(String name) {
    return fields.get(name) instanceof List<?> list ? list : List.of();
  }
}

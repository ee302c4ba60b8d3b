package esrag.ml.node;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xcontent.XContentType;

/**
 * What the ML node process made of one text: a vector, or the sentence saying why not.
 *
 * @param values the vector, null when there is an error
 * @param truncated whether the text was longer than the model reads
 * @param error why there is no vector, null when there is one
 */
public record TextResult(double[] values, boolean truncated, String error) {

  /** Reads the answer to an infer call without building a map of boxed numbers. */
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
    double[] values = null;
    boolean truncated = false;
    String error = null;
    while (parser.nextToken() == XContentParser.Token.FIELD_NAME) {
      String field = parser.currentName();
      parser.nextToken();
      switch (field) {
        case "values" -> values = vector(parser);
        case "is_truncated" -> truncated = parser.booleanValue();
        case "error" -> error = parser.textOrNull();
        default -> parser.skipChildren();
      }
    }
    if (values == null && error == null) {
      error = "the ML node process answered neither a vector nor an error";
    }
    return new TextResult(values, truncated, error);
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
}

package esrag.modules.retriever;

import java.io.IOException;
import org.elasticsearch.common.ParsingException;
import org.elasticsearch.search.retriever.RetrieverBuilder;
import org.elasticsearch.search.retriever.RetrieverParserContext;
import org.elasticsearch.xcontent.XContentParser;

/**
 * One entry of a compound's {@code retrievers}: a bare retriever, or one with its weight and, in
 * {@code linear}, its normalizer. A normalizer that is not given is null.
 */
record WeightedRetriever(RetrieverBuilder retriever, float weight, ScoreNormalizer normalizer) {
  static final float DEFAULT_WEIGHT = 1f;

  WeightedRetriever {
    if (weight < 0) {
      throw new IllegalArgumentException("[weight] must be non-negative");
    }
  }

  static WeightedRetriever parse(
      XContentParser parser, RetrieverParserContext context, boolean normalized)
      throws IOException {
    Entry entry = new Entry();
    while (parser.nextToken() == XContentParser.Token.FIELD_NAME) {
      String name = parser.currentName();
      parser.nextToken();
      switch (name) {
        case "weight" -> entry.weight = parser.floatValue();
        case "retriever" -> entry.set(parser, RetrieverParsing.nested(parser, context));
        case "normalizer" -> {
          if (!normalized) {
            throw new ParsingException(parser.getTokenLocation(), "unknown field [normalizer]");
          }
          entry.normalizer = ScoreNormalizer.of(parser.text());
        }
        default -> entry.set(parser, RetrieverParsing.named(parser, name, context));
      }
    }
    if (entry.retriever == null) {
      throw new ParsingException(
          parser.getTokenLocation(), "retriever component must contain a retriever");
    }
    return new WeightedRetriever(entry.retriever, entry.weight, entry.normalizer);
  }

  private static final class Entry {
    private RetrieverBuilder retriever;
    private float weight = DEFAULT_WEIGHT;
    private ScoreNormalizer normalizer;

    void set(XContentParser parser, RetrieverBuilder given) {
      if (retriever != null) {
        throw new ParsingException(
            parser.getTokenLocation(), "only one retriever can be specified");
      }
      retriever = given;
    }
  }
}

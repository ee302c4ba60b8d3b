package esrag.modules.retriever;

import java.io.IOException;
import org.elasticsearch.common.ParsingException;
import org.elasticsearch.search.retriever.RetrieverBuilder;
import org.elasticsearch.search.retriever.RetrieverParserContext;
import org.elasticsearch.xcontent.ConstructingObjectParser;
import org.elasticsearch.xcontent.ObjectParser;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xcontent.XContentParser;

/**
 * One entry of a compound's {@code retrievers}: in {@code rrf} a bare retriever, or one with its
 * weight; in {@code linear} always the latter, perhaps with a normalizer. A normalizer that is not
 * given is null.
 */
record WeightedRetriever(RetrieverBuilder retriever, float weight, ScoreNormalizer normalizer) {
  static final float DEFAULT_WEIGHT = 1f;

  private static final String RETRIEVER = "retriever";
  private static final String WEIGHT = "weight";
  private static final ConstructingObjectParser<WeightedRetriever, RetrieverParserContext> LINEAR =
      new ConstructingObjectParser<>("retriever-component", false, WeightedRetriever::ofParsed);

  static {
    LINEAR.declareNamedObject(
        ConstructingObjectParser.constructorArg(),
        (parser, context, name) -> RetrieverParsing.named(parser, name, context),
        new ParseField(RETRIEVER));
    LINEAR.declareFloat(ConstructingObjectParser.optionalConstructorArg(), new ParseField(WEIGHT));
    LINEAR.declareField(
        ConstructingObjectParser.optionalConstructorArg(),
        (parser, context) -> ScoreNormalizer.of(parser.text()),
        new ParseField("normalizer"),
        ObjectParser.ValueType.STRING);
  }

  static WeightedRetriever ofLinear(XContentParser parser, RetrieverParserContext context)
      throws IOException {
    return LINEAR.apply(parser, context);
  }

  private static WeightedRetriever ofParsed(Object[] arguments) {
    float weight = arguments[1] == null ? DEFAULT_WEIGHT : (Float) arguments[1];
    if (weight < 0) {
      throw new IllegalArgumentException("[weight] must be non-negative");
    }
    return new WeightedRetriever(
        (RetrieverBuilder) arguments[0], weight, (ScoreNormalizer) arguments[2]);
  }

  /** The first field's name tells the two forms apart. */
  static WeightedRetriever ofRrf(XContentParser parser, RetrieverParserContext context)
      throws IOException {
    if (parser.nextToken() != XContentParser.Token.FIELD_NAME) {
      throw withoutRetriever(parser);
    }
    String first = parser.currentName();
    if (first.equals(RETRIEVER) || first.equals(WEIGHT)) {
      return weighted(parser, context);
    }
    RetrieverBuilder bare = RetrieverParsing.named(parser, first, context);
    if (parser.nextToken() != XContentParser.Token.END_OBJECT) {
      throw new ParsingException(
          parser.getTokenLocation(), "unknown field [{}] after retriever", parser.currentName());
    }
    return new WeightedRetriever(bare, DEFAULT_WEIGHT, null);
  }

  private static WeightedRetriever weighted(XContentParser parser, RetrieverParserContext context)
      throws IOException {
    RetrieverBuilder retriever = null;
    Float weight = null;
    do {
      String name = parser.currentName();
      switch (name) {
        case RETRIEVER -> retriever = only(retriever, parser, context);
        case WEIGHT -> weight = only(weight, parser);
        default ->
            throw new ParsingException(
                parser.getTokenLocation(),
                "unknown field [{}], expected [{}] or [{}]",
                name,
                RETRIEVER,
                WEIGHT);
      }
    } while (parser.nextToken() == XContentParser.Token.FIELD_NAME);
    if (retriever == null) {
      throw withoutRetriever(parser);
    }
    return ofRrf(retriever, weight == null ? DEFAULT_WEIGHT : weight);
  }

  private static WeightedRetriever ofRrf(RetrieverBuilder retriever, float weight) {
    if (weight < 0) {
      throw new IllegalArgumentException("[weight] must be non-negative, found [" + weight + "]");
    }
    return new WeightedRetriever(retriever, weight, null);
  }

  private static RetrieverBuilder only(
      RetrieverBuilder earlier, XContentParser parser, RetrieverParserContext context)
      throws IOException {
    if (earlier != null) {
      throw new ParsingException(parser.getTokenLocation(), "only one retriever can be specified");
    }
    if (parser.nextToken() != XContentParser.Token.START_OBJECT) {
      throw new ParsingException(parser.getTokenLocation(), "retriever must be an object");
    }
    parser.nextToken();
    RetrieverBuilder retriever = RetrieverParsing.named(parser, parser.currentName(), context);
    parser.nextToken();
    return retriever;
  }

  private static Float only(Float earlier, XContentParser parser) throws IOException {
    if (earlier != null) {
      throw new ParsingException(
          parser.getTokenLocation(), "[weight] field can only be specified once");
    }
    parser.nextToken();
    return parser.floatValue();
  }

  private static ParsingException withoutRetriever(XContentParser parser) {
    return new ParsingException(
        parser.getTokenLocation(), "retriever component must contain a retriever");
  }
}

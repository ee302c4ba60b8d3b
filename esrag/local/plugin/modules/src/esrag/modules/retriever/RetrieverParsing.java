package esrag.modules.retriever;

import java.io.IOException;
import org.elasticsearch.search.retriever.CompoundRetrieverBuilder;
import org.elasticsearch.search.retriever.RetrieverBuilder;
import org.elasticsearch.search.retriever.RetrieverParserContext;
import org.elasticsearch.xcontent.AbstractObjectParser;
import org.elasticsearch.xcontent.XContentParser;

/** Reaches the core's parsing of inner retrievers, which only its subclasses may call. */
abstract class RetrieverParsing extends RetrieverBuilder {
  private RetrieverParsing() {}

  /** A retriever whose name was read already. */
  static RetrieverBuilder named(XContentParser parser, String name, RetrieverParserContext context)
      throws IOException {
    RetrieverBuilder retriever = parser.namedObject(RetrieverBuilder.class, name, context);
    context.trackRetrieverUsage(retriever);
    return retriever;
  }

  /** The fields that all retrievers have: filter, min_score, _name. */
  static void declareCommonFields(
      AbstractObjectParser<? extends CompoundRetrieverBuilder<?>, RetrieverParserContext> parser) {
    declareBaseParserFields(parser);
  }
}

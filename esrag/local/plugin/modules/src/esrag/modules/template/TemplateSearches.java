package esrag.modules.template;

import java.io.IOException;
import java.util.function.Predicate;
import org.elasticsearch.action.search.SearchRequest;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.common.xcontent.LoggingDeprecationHandler;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.script.ScriptService;
import org.elasticsearch.script.TemplateScript;
import org.elasticsearch.search.builder.SearchSourceBuilder;
import org.elasticsearch.search.internal.SearchContext;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xcontent.XContentType;

/** Makes searches of templates: renders them and reads the result as the body of a search. */
final class TemplateSearches {
  private final ScriptService scripts;
  private final XContentParserConfiguration parsing;
  private final Predicate<NodeFeature> features;

  TemplateSearches(
      ScriptService scripts, NamedXContentRegistry registry, Predicate<NodeFeature> features) {
    this.scripts = scripts;
    this.parsing =
        XContentParserConfiguration.EMPTY
            .withRegistry(registry)
            .withDeprecationHandler(LoggingDeprecationHandler.INSTANCE);
    this.features = features;
  }

  /** The text that a template gives with its parameters. */
  String render(SearchTemplateRequest request) {
    TemplateScript.Factory template = scripts.compile(request.script(), TemplateScript.CONTEXT);
    return template.newInstance(request.script().getParams()).execute();
  }

  /** The request's own search, with what the template gives as its body. */
  SearchRequest search(SearchTemplateRequest request) throws IOException {
    SearchRequest search = request.search();
    SearchSourceBuilder source = new SearchSourceBuilder();
    try (XContentParser parser =
        XContentHelper.createParser(parsing, new BytesArray(render(request)), XContentType.JSON)) {
      source.parseXContent(search, parser, false, features);
    }
    source.explain(request.explain());
    source.profile(request.profile());
    if (request.totalHitsAsInt()) {
      trackAllHits(source);
    }
    return search.source(source);
  }

  /** A plain number can only stand for a count that is exact. */
  private static void trackAllHits(SearchSourceBuilder source) {
    Integer upTo = source.trackTotalHitsUpTo();
    if (upTo == null) {
      source.trackTotalHits(true);
    } else if (upTo != SearchContext.TRACK_TOTAL_HITS_ACCURATE
        && upTo != SearchContext.TRACK_TOTAL_HITS_DISABLED) {
      throw new IllegalArgumentException(
          "[rest_total_hits_as_int] cannot be used if the tracking of total hits is not "
              + "accurate, got "
              + upTo);
    }
  }
}

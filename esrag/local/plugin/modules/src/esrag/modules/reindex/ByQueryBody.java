package esrag.modules.reindex;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;
import org.elasticsearch.action.search.SearchRequest;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.reindex.AbstractBulkByPaginatedSearchRequest;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.action.search.RestSearchAction;
import org.elasticsearch.script.Script;
import org.elasticsearch.xcontent.XContentParser;

/**
 * The body of a by-query call: a search body in which a few fields are not the search's own. Those
 * are taken out first, as the search parser would refuse them.
 */
final class ByQueryBody {
  private final Map<String, Object> fields = new LinkedHashMap<>();
  private final RestRequest request;

  ByQueryBody(RestRequest request) throws IOException {
    this.request = request;
    if (request.hasContentOrSourceParam()) {
      try (XContentParser parser = request.contentOrSourceParamParser()) {
        fields.putAll(parser.map());
      }
    }
  }

  /** The script to run on each document, or null. */
  Script takeScript() {
    Object script = fields.remove("script");
    return script == null ? null : Script.parse(script);
  }

  /** Reads the rest into the request, query parameters over body fields. */
  <R extends AbstractBulkByPaginatedSearchRequest<R>> void readInto(
      R paged, Predicate<NodeFeature> features) throws IOException {
    Object maxDocs = fields.remove("max_docs");
    if (maxDocs != null) {
      RestPagedAction.setMaxDocs(paged, ((Number) maxDocs).intValue());
    }
    Object inBody = fields.remove("conflicts");
    String conflicts = request.param("conflicts", inBody == null ? null : inBody.toString());
    if (conflicts != null) {
      paged.setConflicts(conflicts);
    }
    readSearch(paged.getSearchRequest(), features);
  }

  private void readSearch(SearchRequest search, Predicate<NodeFeature> features)
      throws IOException {
    try (XContentParser parser =
        XContentHelper.mapToXContentParser(request.contentParserConfig(), fields)) {
      RestSearchAction.parseSearchRequest(search, request, parser, features, size -> refuseSize());
    }
    search.source().size(request.paramAsInt("scroll_size", search.source().size()));
    if (request.hasParam("search_timeout")) {
      search.source().timeout(request.paramAsTime("search_timeout", null));
    }
  }

  private static void refuseSize() {
    throw new IllegalArgumentException("invalid parameter [size], use [max_docs] instead");
  }
}

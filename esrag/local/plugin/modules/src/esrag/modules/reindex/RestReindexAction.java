package esrag.modules.reindex;

import java.io.IOException;
import java.util.Map;
import java.util.function.Predicate;
import org.elasticsearch.action.search.SearchRequest;
import org.elasticsearch.action.support.IndicesOptions;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.reindex.ReindexAction;
import org.elasticsearch.index.reindex.ReindexRequest;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.xcontent.XContentParser;

/** {@code POST _reindex}; the core parses the body. */
public final class RestReindexAction extends RestPagedAction<ReindexRequest> {
  private final Predicate<NodeFeature> features;

  public RestReindexAction(Predicate<NodeFeature> features) {
    super("reindex_action", "/_reindex", ReindexAction.INSTANCE, Map.of());
    this.features = features;
  }

  @Override
  ReindexRequest parse(RestRequest request) throws IOException {
    if (request.hasParam("pipeline")) {
      throw new IllegalArgumentException(
          "_reindex doesn't support [pipeline] as a query parameter. "
              + "Specify it in the [dest] object instead.");
    }
    ReindexRequest reindex;
    try (XContentParser parser = request.contentParser()) {
      reindex = ReindexRequest.fromXContent(parser, features);
    }
    if (request.hasParam("scroll")) {
      reindex.setScroll(request.paramAsTime("scroll", reindex.getScrollTime()));
    }
    if (request.hasParam("require_alias")) {
      reindex.setRequireAlias(request.paramAsBoolean("require_alias", false));
    }
    SearchRequest search = reindex.getSearchRequest();
    search.indicesOptions(IndicesOptions.fromRequest(request, search.indicesOptions()));
    return reindex;
  }
}

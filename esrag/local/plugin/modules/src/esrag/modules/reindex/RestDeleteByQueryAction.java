package esrag.modules.reindex;

import java.io.IOException;
import java.util.Map;
import java.util.function.Predicate;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.reindex.DeleteByQueryAction;
import org.elasticsearch.index.reindex.DeleteByQueryRequest;
import org.elasticsearch.rest.RestRequest;

/** {@code POST {index}/_delete_by_query}. */
public final class RestDeleteByQueryAction extends RestPagedAction<DeleteByQueryRequest> {
  private final Predicate<NodeFeature> features;

  public RestDeleteByQueryAction(Predicate<NodeFeature> features) {
    super(
        "delete_by_query_action",
        "/{index}/_delete_by_query",
        DeleteByQueryAction.INSTANCE,
        Map.of(CREATED, "false", UPDATED, "false"));
    this.features = features;
  }

  @Override
  DeleteByQueryRequest parse(RestRequest request) throws IOException {
    DeleteByQueryRequest delete = new DeleteByQueryRequest();
    new ByQueryBody(request).readInto(delete, features);
    if (request.hasParam("scroll")) {
      delete.setScroll(request.paramAsTime("scroll", delete.getScrollTime()));
    }
    return delete;
  }
}

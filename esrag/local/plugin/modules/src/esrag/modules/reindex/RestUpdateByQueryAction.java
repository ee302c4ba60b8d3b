package esrag.modules.reindex;

import java.io.IOException;
import java.util.Map;
import java.util.function.Predicate;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.reindex.UpdateByQueryAction;
import org.elasticsearch.index.reindex.UpdateByQueryRequest;
import org.elasticsearch.rest.RestRequest;

/** {@code POST {index}/_update_by_query}. */
public final class RestUpdateByQueryAction extends RestPagedAction<UpdateByQueryRequest> {
  private final Predicate<NodeFeature> features;

  public RestUpdateByQueryAction(Predicate<NodeFeature> features) {
    super(
        "update_by_query_action",
        "/{index}/_update_by_query",
        UpdateByQueryAction.INSTANCE,
        Map.of(CREATED, "false"));
    this.features = features;
  }

  @Override
  UpdateByQueryRequest parse(RestRequest request) throws IOException {
    UpdateByQueryRequest update = new UpdateByQueryRequest();
    ByQueryBody body = new ByQueryBody(request);
    update.setScript(body.takeScript());
    body.readInto(update, features);
    if (request.hasParam("scroll")) {
      update.setScroll(request.paramAsTime("scroll", update.getScrollTime()));
    }
    update.setPipeline(request.param("pipeline"));
    return update;
  }
}

package esrag.modules.reindex;

import static org.elasticsearch.rest.RestRequest.Method.POST;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.support.ActiveShardCount;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.index.reindex.AbstractBulkByPaginatedSearchRequest;
import org.elasticsearch.index.reindex.BulkByPaginatedSearchResponse;
import org.elasticsearch.index.reindex.BulkByPaginatedSearchTask;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.xcontent.XContentBuilder;

/** The part of {@code _reindex} and the by-query calls that they have in common. */
abstract class RestPagedAction<R extends AbstractBulkByPaginatedSearchRequest<R>>
    extends BaseRestHandler {
  /** The counts that the core's status writer leaves out when told so. */
  static final String CREATED = BulkByPaginatedSearchTask.Status.INCLUDE_CREATED;

  static final String UPDATED = BulkByPaginatedSearchTask.Status.INCLUDE_UPDATED;

  private final String name;
  private final String path;
  private final ActionType<BulkByPaginatedSearchResponse> action;
  private final Map<String, String> statusParams;

  /**
   * @param statusParams tells the core's status writer which counts mean nothing for this call
   */
  RestPagedAction(
      String name,
      String path,
      ActionType<BulkByPaginatedSearchResponse> action,
      Map<String, String> statusParams) {
    this.name = name;
    this.path = path;
    this.action = action;
    this.statusParams = statusParams;
  }

  /** Reads what only this call has. */
  abstract R parse(RestRequest request) throws IOException;

  @Override
  public final String getName() {
    return name;
  }

  @Override
  public final List<Route> routes() {
    return List.of(new Route(POST, path));
  }

  @Override
  protected final RestChannelConsumer prepareRequest(RestRequest request, NodeClient client)
      throws IOException {
    R paged = parse(request);
    setCommonOptions(paged, request);
    if (request.paramAsBoolean("wait_for_completion", true)) {
      return channel ->
          client.executeLocally(action, paged, new PagedResponseListener(channel, statusParams));
    }
    return inBackground(client, paged);
  }

  private static <R extends AbstractBulkByPaginatedSearchRequest<R>> void setCommonOptions(
      R paged, RestRequest request) {
    paged.setRefresh(request.paramAsBoolean("refresh", paged.isRefresh()));
    paged.setTimeout(request.paramAsTime("timeout", paged.getTimeout()));
    paged.setSlices(slices(request, paged.getSlices()));
    if (request.hasParam("max_docs")) {
      setMaxDocs(paged, request.paramAsInt("max_docs", -1));
    }
    if (request.hasParam("wait_for_active_shards")) {
      paged.setWaitForActiveShards(
          ActiveShardCount.parseString(request.param("wait_for_active_shards")));
    }
    if (request.hasParam("requests_per_second")) {
      paged.setRequestsPerSecond(Throttle.of(request.param("requests_per_second")));
    }
  }

  private static int slices(RestRequest request, int fallback) {
    String given = request.param("slices");
    if (given == null) {
      return fallback;
    }
    if (given.equals(AbstractBulkByPaginatedSearchRequest.AUTO_SLICES_VALUE)) {
      return AbstractBulkByPaginatedSearchRequest.AUTO_SLICES;
    }
    String rule =
        "[slices] must be a positive integer or the string \"auto\", but was [" + given + "]";
    int slices;
    try {
      slices = Integer.parseInt(given);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(rule, e);
    }
    if (slices < 1) {
      throw new IllegalArgumentException(rule);
    }
    return slices;
  }

  /** Body and query parameter may both set a limit, but not two. */
  static void setMaxDocs(AbstractBulkByPaginatedSearchRequest<?> paged, int limit) {
    int earlier = paged.getMaxDocs();
    if (earlier != AbstractBulkByPaginatedSearchRequest.MAX_DOCS_ALL_MATCHES && earlier != limit) {
      throw new IllegalArgumentException(
          "[max_docs] set to two different values [" + earlier + "] and [" + limit + "]");
    }
    paged.setMaxDocs(limit);
  }

  /** Answers with the task's id; its result is kept in the cluster for {@code GET _tasks}. */
  private RestChannelConsumer inBackground(NodeClient client, R paged) {
    paged.setShouldStoreResult(true);
    ActionRequestValidationException errors = paged.validate();
    if (errors != null) {
      throw errors;
    }
    return channel -> {
      Task task = client.executeLocally(action, paged, ActionListener.noop());
      String id = client.getLocalNodeId() + ":" + task.getId();
      try (XContentBuilder builder = channel.newBuilder()) {
        builder.startObject().field("task", id).endObject();
        channel.sendResponse(new RestResponse(RestStatus.OK, builder));
      }
    };
  }
}

package esrag.modules.reindex;

import static org.elasticsearch.rest.RestRequest.Method.POST;

import java.util.List;
import java.util.function.Supplier;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.action.admin.cluster.RestListTasksAction;
import org.elasticsearch.tasks.TaskId;

/** {@code _rethrottle} on a running task; answers with the task, as {@code _tasks} lists it. */
public final class RestRethrottleAction extends BaseRestHandler {
  private final Supplier<DiscoveryNodes> nodes;

  public RestRethrottleAction(Supplier<DiscoveryNodes> nodes) {
    this.nodes = nodes;
  }

  @Override
  public String getName() {
    return "rethrottle_action";
  }

  @Override
  public List<Route> routes() {
    return List.of(
        new Route(POST, "/_reindex/{task_id}/_rethrottle"),
        new Route(POST, "/_update_by_query/{task_id}/_rethrottle"),
        new Route(POST, "/_delete_by_query/{task_id}/_rethrottle"));
  }

  @Override
  protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
    TaskId task = new TaskId(request.param("task_id"));
    String rate = request.param("requests_per_second");
    if (rate == null) {
      throw new IllegalArgumentException("requests_per_second is a required parameter");
    }
    RethrottleRequest rethrottle = new RethrottleRequest(Throttle.of(rate));
    rethrottle.setTargetTaskId(task);
    String groupBy = request.param("group_by", "nodes");
    return channel ->
        client.execute(
            Rethrottle.TYPE,
            rethrottle,
            RestListTasksAction.listTasksResponseListener(nodes, groupBy, channel));
  }
}

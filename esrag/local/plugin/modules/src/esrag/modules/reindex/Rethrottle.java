package esrag.modules.reindex;

import java.util.List;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.FailedNodeException;
import org.elasticsearch.action.TaskOperationFailure;
import org.elasticsearch.action.admin.cluster.node.tasks.list.ListTasksResponse;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.tasks.TransportTasksAction;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.index.reindex.BulkByPaginatedSearchTask;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.tasks.CancellableTask;
import org.elasticsearch.tasks.TaskId;
import org.elasticsearch.tasks.TaskInfo;
import org.elasticsearch.transport.TransportService;

/** Changes the rate of a running task; a leading task divides it among its slices. */
public final class Rethrottle
    extends TransportTasksAction<
        BulkByPaginatedSearchTask, RethrottleRequest, ListTasksResponse, TaskInfo> {
  /** The action, by the name that privileges know. */
  public static final ActionType<ListTasksResponse> TYPE =
      new ActionType<>("cluster:admin/reindex/rethrottle");

  private final Client client;

  @Inject
  public Rethrottle(
      ClusterService cluster, TransportService transport, ActionFilters filters, Client client) {
    super(
        TYPE.name(),
        cluster,
        transport,
        filters,
        RethrottleRequest::new,
        TaskInfo::from,
        transport.getThreadPool().executor("management"));
    this.client = client;
  }

  @Override
  protected void taskOperation(
      CancellableTask own,
      RethrottleRequest request,
      BulkByPaginatedSearchTask task,
      ActionListener<TaskInfo> listener) {
    String node = clusterService.localNode().getId();
    if (task.isWorker()) {
      task.getWorkerState().rethrottleWithRelocationGuard(request.requestsPerSecond());
      listener.onResponse(task.taskInfo(node, true));
    } else if (task.isLeader()) {
      divide(node, task, request.requestsPerSecond(), listener);
    } else {
      throw new IllegalArgumentException(
          "task ["
              + task.getId()
              + "] has not yet been initialized to the point where it knows how to "
              + "rethrottle itself");
    }
  }

  private void divide(
      String node,
      BulkByPaginatedSearchTask task,
      float requestsPerSecond,
      ActionListener<TaskInfo> listener) {
    task.getLeaderState().setRequestsPerSecondWithRelocationGuard(requestsPerSecond);
    int running = task.getLeaderState().runningSliceSubTasks();
    if (running == 0) {
      listener.onResponse(task.taskInfo(node, true));
      return;
    }
    RethrottleRequest each = new RethrottleRequest(requestsPerSecond / running);
    each.setTargetParentTaskId(new TaskId(node, task.getId()));
    client.execute(
        TYPE,
        each,
        listener.delegateFailureAndWrap(
            (l, slices) -> {
              slices.rethrowFailures("Rethrottle");
              l.onResponse(task.taskInfoGivenSubtaskInfo(node, slices.getTasks()));
            }));
  }

  @Override
  protected ListTasksResponse newResponse(
      RethrottleRequest request,
      List<TaskInfo> tasks,
      List<TaskOperationFailure> taskFailures,
      List<FailedNodeException> nodeFailures) {
    return new ListTasksResponse(tasks, taskFailures, nodeFailures);
  }
}

package esrag.modules.root;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.TransportAction;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.util.concurrent.EsExecutors;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.transport.TransportService;

/** Says which node and cluster answers; stands for the action of the rest-root module. */
public final class MainAction extends TransportAction<MainRequest, MainResponse> {
  /** The action, by the name that the {@code monitor} privilege covers. */
  public static final ActionType<MainResponse> TYPE = new ActionType<>("cluster:monitor/main");

  private final ClusterService cluster;

  @Inject
  public MainAction(TransportService transport, ActionFilters filters, ClusterService cluster) {
    super(TYPE.name(), filters, transport.getTaskManager(), EsExecutors.DIRECT_EXECUTOR_SERVICE);
    this.cluster = cluster;
  }

  @Override
  protected void doExecute(Task task, MainRequest request, ActionListener<MainResponse> listener) {
    listener.onResponse(
        new MainResponse(
            cluster.getNodeName(),
            cluster.getClusterName().value(),
            cluster.state().metadata().clusterUUID()));
  }
}

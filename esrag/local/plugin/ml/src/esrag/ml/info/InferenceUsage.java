package esrag.ml.info;

import esrag.ml.MlServices;
import esrag.ml.endpoint.Endpoint;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.protocol.xpack.XPackUsageRequest;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.action.XPackUsageFeatureAction;
import org.elasticsearch.xpack.core.action.XPackUsageFeatureResponse;
import org.elasticsearch.xpack.core.action.XPackUsageFeatureTransportAction;
import org.elasticsearch.xpack.core.inference.InferenceFeatureSetUsage;
import org.elasticsearch.xpack.core.inference.usage.ModelStats;
import org.elasticsearch.xpack.core.inference.usage.SemanticTextStats;

/** What {@code GET _xpack/usage} says of inference endpoints: how many of each service and task. */
public final class InferenceUsage extends XPackUsageFeatureTransportAction {
  private final MlServices services;

  @Inject
  public InferenceUsage(TransportService transport, ActionFilters filters, MlServices services) {
    super(
        XPackUsageFeatureAction.INFERENCE.name(),
        transport,
        services.clusterService(),
        services.threadPool(),
        filters);
    this.services = services;
  }

  @Override
  protected void localClusterStateOperation(
      Task task,
      XPackUsageRequest request,
      ClusterState state,
      ActionListener<XPackUsageFeatureResponse> listener) {
    services
        .endpoints()
        .all(
            listener.map(
                endpoints ->
                    new XPackUsageFeatureResponse(
                        new InferenceFeatureSetUsage(counts(endpoints.values())))));
  }

  private static List<ModelStats> counts(Collection<Endpoint> endpoints) {
    Map<String, Map<TaskType, Long>> counts = new TreeMap<>();
    for (Endpoint endpoint : endpoints) {
      counts
          .computeIfAbsent(endpoint.service(), none -> new TreeMap<>())
          .merge(endpoint.taskType(), 1L, Long::sum);
    }
    List<ModelStats> stats = new ArrayList<>();
    counts.forEach(
        (service, tasks) -> tasks.forEach((task, count) -> stats.add(stats(service, task, count))));
    return stats;
  }

  /** There are no fields of type semantic_text here, and the writer wants to be told so. */
  private static ModelStats stats(String service, TaskType task, long count) {
    return new ModelStats(service, task, count, new SemanticTextStats());
  }
}

package esrag.ml.info;

import static org.elasticsearch.xpack.core.ml.MachineLearningFeatureSetUsage.ALL;
import static org.elasticsearch.xpack.core.ml.MachineLearningFeatureSetUsage.COUNT;

import esrag.ml.MlServices;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.protocol.xpack.XPackUsageRequest;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.action.XPackUsageFeatureAction;
import org.elasticsearch.xpack.core.action.XPackUsageFeatureResponse;
import org.elasticsearch.xpack.core.action.XPackUsageFeatureTransportAction;
import org.elasticsearch.xpack.core.action.util.PageParams;
import org.elasticsearch.xpack.core.ml.MachineLearningFeatureSetUsage;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsStatsAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsStatsAction.Response.TrainedModelStats;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;

/**
 * What {@code GET _xpack/usage} says of machine learning. There are no anomaly detectors, datafeeds
 * or analytics here, and it says so; trained models, deployments and pipelines are counted.
 */
public final class MachineLearningUsage extends XPackUsageFeatureTransportAction {
  private static final PageParams EVERYTHING = new PageParams(0, 10_000);
  private static final Map<String, Object> NONE = Map.of(ALL, Map.of(COUNT, 0));

  private final MlServices services;

  @Inject
  public MachineLearningUsage(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(
        XPackUsageFeatureAction.MACHINE_LEARNING.name(),
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
    GetTrainedModelsAction.Request models = new GetTrainedModelsAction.Request("*");
    models.setPageParams(EVERYTHING);
    models.setAllowNoResources(true);
    GetTrainedModelsStatsAction.Request stats = new GetTrainedModelsStatsAction.Request("*");
    stats.setPageParams(EVERYTHING);
    stats.setAllowNoResources(true);
    services
        .client()
        .execute(
            GetTrainedModelsAction.INSTANCE,
            models,
            listener.delegateFailureAndWrap(
                (next, found) ->
                    services
                        .client()
                        .execute(
                            GetTrainedModelsStatsAction.INSTANCE,
                            stats,
                            next.map(
                                entries ->
                                    usage(
                                        found.getResources().results(),
                                        entries.getResources().results())))));
  }

  private XPackUsageFeatureResponse usage(
      List<TrainedModelConfig> models, List<TrainedModelStats> stats) {
    Map<String, Object> inference = new LinkedHashMap<>();
    inference.put("ingest_processors", Map.of(ALL, UsageCounts.ingest(stats)));
    inference.put("trained_models", UsageCounts.models(models, stats));
    inference.put("deployments", UsageCounts.deployments(models, stats));
    return new XPackUsageFeatureResponse(
        new MachineLearningFeatureSetUsage(
            services.licences().machineLearningAllowed(),
            true,
            NONE,
            NONE,
            NONE,
            inference,
            memory(stats),
            1));
  }

  /** What the models of all deployments need; nothing else takes memory here. */
  private static Map<String, Object> memory(List<TrainedModelStats> stats) {
    long bytes =
        stats.stream()
            .filter(entry -> entry.getDeploymentStats() != null)
            .mapToLong(entry -> entry.getModelSizeStats().getRequiredNativeMemoryBytes())
            .sum();
    Map<String, Object> memory = new LinkedHashMap<>();
    memory.put("anomaly_detectors_memory_bytes", 0L);
    memory.put("data_frame_analytics_memory_bytes", 0L);
    memory.put("pytorch_inference_memory_bytes", bytes);
    memory.put("total_used_memory_bytes", bytes);
    return memory;
  }
}

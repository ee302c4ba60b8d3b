package esrag.ml.info;

import static org.elasticsearch.xpack.core.ml.MachineLearningFeatureSetUsage.ALL;
import static org.elasticsearch.xpack.core.ml.MachineLearningFeatureSetUsage.COUNT;

import esrag.ml.ingest.InferenceProcessorFactory;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.elasticsearch.ingest.IngestStats;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsStatsAction.Response.TrainedModelStats;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;
import org.elasticsearch.xpack.core.ml.inference.assignment.AssignmentStats;
import org.elasticsearch.xpack.core.ml.stats.StatsAccumulator;

/** Sums over models, deployments and pipelines, in the shape of the usage API. */
final class UsageCounts {
  private UsageCounts() {}

  /** How many documents inference processors have seen. */
  static Map<String, Object> ingest(List<TrainedModelStats> stats) {
    int pipelines = 0;
    StatsAccumulator documents = new StatsAccumulator();
    StatsAccumulator times = new StatsAccumulator();
    StatsAccumulator failures = new StatsAccumulator();
    for (TrainedModelStats entry : stats) {
      pipelines += entry.getPipelineCount();
      for (IngestStats.ProcessorStat processor : processors(entry.getIngestStats())) {
        documents.add(processor.stats().ingestCount());
        times.add(processor.stats().ingestTimeInMillis());
        failures.add(processor.stats().ingestFailedCount());
      }
    }
    return Map.of(
        "pipelines",
        Map.of(COUNT, pipelines),
        "num_docs_processed",
        whole(documents),
        "time_ms",
        whole(times),
        "num_failures",
        whole(failures));
  }

  private static List<IngestStats.ProcessorStat> processors(IngestStats stats) {
    if (stats == null) {
      return List.of();
    }
    return stats.processorStats().values().stream()
        .map(Map::values)
        .flatMap(Collection::stream)
        .flatMap(List::stream)
        .filter(processor -> processor.name().equals(InferenceProcessorFactory.TYPE))
        .toList();
  }

  private static Map<String, Object> whole(StatsAccumulator stats) {
    return Map.of(
        "sum", (long) stats.getTotal(), "min", (long) stats.getMin(), "max", (long) stats.getMax());
  }

  /** How many models of each task there are, and how large. */
  static Map<String, Object> models(
      List<TrainedModelConfig> models, List<TrainedModelStats> stats) {
    StatsAccumulator operations = new StatsAccumulator();
    StatsAccumulator sizes = new StatsAccumulator();
    Map<String, Object> counts = new TreeMap<>();
    Map<String, Long> bytes = new HashMap<>();
    stats.forEach(
        entry -> bytes.put(entry.getModelId(), entry.getModelSizeStats().getModelSizeBytes()));
    for (TrainedModelConfig model : models) {
      counts.merge(
          model.getInferenceConfig().getName(), 1, (old, one) -> (Integer) old + (Integer) one);
      operations.add(model.getEstimatedOperations());
      sizes.add(bytes.getOrDefault(model.getModelId(), 0L));
    }
    counts.put("total", models.size());
    counts.put("prepackaged", 0);
    counts.put("other", models.size());
    return Map.of(
        ALL,
        Map.of(COUNT, models.size()),
        COUNT,
        counts,
        "estimated_operations",
        operations.asMap(),
        "model_size_bytes",
        sizes.asMap());
  }

  /** How many deployments there are, and what they did. */
  static Map<String, Object> deployments(
      List<TrainedModelConfig> models, List<TrainedModelStats> stats) {
    Map<String, String> tasks = new HashMap<>();
    models.forEach(model -> tasks.put(model.getModelId(), model.getInferenceConfig().getName()));
    StatsAccumulator sizes = new StatsAccumulator();
    StatsAccumulator inferences = new StatsAccumulator();
    double millis = 0;
    List<Map<String, Object>> byModel = new ArrayList<>();
    int count = 0;
    for (TrainedModelStats entry : stats) {
      AssignmentStats deployment = entry.getDeploymentStats();
      if (deployment == null) {
        continue;
      }
      count++;
      sizes.add(entry.getModelSizeStats().getModelSizeBytes());
      for (AssignmentStats.NodeStats node : deployment.getNodeStats()) {
        long done = node.getInferenceCount().orElse(0L);
        millis += node.getAvgInferenceTime().orElse(0.0) * done;
        inferences.add(done);
        byModel.add(one(deployment, node, tasks.get(deployment.getModelId()), done));
      }
    }
    double average = inferences.getTotal() == 0 ? 0.0 : millis / inferences.getTotal();
    return Map.of(
        COUNT,
        count,
        "time_ms",
        Map.of("avg", average),
        "model_sizes_bytes",
        sizes.asMap(),
        "inference_counts",
        inferences.asMap(),
        "stats_by_model",
        byModel);
  }

  private static Map<String, Object> one(
      AssignmentStats deployment, AssignmentStats.NodeStats node, String task, long done) {
    Map<String, Object> shown = new HashMap<>();
    shown.put("model_id", deployment.getModelId());
    shown.put("task_type", Objects.requireNonNullElse(task, ""));
    shown.put("num_allocations", deployment.getNumberOfAllocations());
    shown.put("num_threads", deployment.getThreadsPerAllocation());
    StatsAccumulator counts = new StatsAccumulator();
    counts.add(done);
    shown.put("inference_counts", counts.asMap());
    if (node.getLastAccess() != null) {
      shown.put("last_access", node.getLastAccess().toString());
    }
    return shown;
  }
}

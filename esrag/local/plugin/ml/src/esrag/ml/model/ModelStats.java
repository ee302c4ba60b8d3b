package esrag.ml.model;

import esrag.ml.MlServices;
import esrag.ml.node.StoredModel;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.ingest.IngestStats;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsStatsAction;
import org.elasticsearch.xpack.core.ml.action.StartTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;
import org.elasticsearch.xpack.core.ml.inference.assignment.AssignmentStats;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.TrainedModelSizeStats;

/** Gathers what the stats API says of each model; x-pack-core's builder puts it together. */
public final class ModelStats {
  private final MlServices services;
  private final List<StoredModel> models;
  private final Map<String, AssignmentStats> deployments;

  public ModelStats(
      MlServices services, List<StoredModel> models, Map<String, AssignmentStats> deployments) {
    this.services = services;
    this.models = models;
    this.deployments = deployments;
  }

  /** The answer for the models the request names. */
  public GetTrainedModelsStatsAction.Response answer(GetTrainedModelsStatsAction.Request request) {
    List<StoredModel> named = new ModelSelection(request, models).matching(model -> true);
    Map<String, Set<String>> withAliases = new LinkedHashMap<>();
    Map<String, TrainedModelSizeStats> sizes = new HashMap<>();
    Map<String, IngestStats> ingest = new HashMap<>();
    Map<String, Set<String>> deploymentsByModel = new HashMap<>();
    for (StoredModel model : ModelSelection.page(request, named)) {
      String id = model.modelId();
      withAliases.put(id, Set.of());
      sizes.put(id, size(model));
      Set<String> deployed = deploymentsOf(id);
      if (deployed.isEmpty() == false) {
        deploymentsByModel.put(id, deployed);
      }
      addIngestStats(ingest, id, deployed);
    }
    return new GetTrainedModelsStatsAction.Response.Builder()
        .setTotalModelCount(named.size())
        .setExpandedModelIdsWithAliases(withAliases)
        .setModelSizeStatsByModelId(sizes)
        .setIngestStatsByModelId(ingest)
        .setDeploymentStatsByDeploymentId(deployments)
        .build(deploymentsByModel);
  }

  private Set<String> deploymentsOf(String modelId) {
    Set<String> ids = new HashSet<>();
    deployments.forEach(
        (id, stats) -> {
          if (stats.getModelId().equals(modelId)) {
            ids.add(id);
          }
        });
    return ids;
  }

  private void addIngestStats(Map<String, IngestStats> ingest, String id, Set<String> deployed) {
    Set<String> names = new HashSet<>(deployed);
    names.add(id);
    for (String name : names) {
      Set<String> pipelines = PipelineReferences.pipelines(services.clusterService(), Set.of(name));
      if (pipelines.isEmpty() == false) {
        ingest.put(name, services.pipelines().statsOf(pipelines));
      }
    }
  }

  private TrainedModelSizeStats size(StoredModel model) {
    TrainedModelConfig config = model.parse(services.registry()).build();
    long bytes = model.definitionLength();
    return new TrainedModelSizeStats(
        bytes,
        StartTrainedModelDeploymentAction.estimateMemoryUsageBytes(
            model.modelId(),
            bytes,
            config.getPerDeploymentMemoryBytes(),
            config.getPerAllocationMemoryBytes(),
            1));
  }
}

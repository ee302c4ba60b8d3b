package esrag.ml.model;

import esrag.ml.MlServices;
import esrag.ml.node.Catalogue;
import esrag.ml.node.Deployment;
import esrag.ml.node.StoredModel;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.elasticsearch.common.Strings;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.ingest.IngestStats;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsStatsAction;
import org.elasticsearch.xpack.core.ml.action.StartTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;
import org.elasticsearch.xpack.core.ml.inference.assignment.AssignmentStats;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.TrainedModelSizeStats;

/**
 * Gathers what the stats API says of each model; x-pack-core's builder puts it together. The
 * expression may name deployments too: then it is about their models.
 */
public final class ModelStats {
  private final MlServices services;
  private final Catalogue catalogue;
  private final Function<Deployment, AssignmentStats> reader;

  /**
   * Ready to answer.
   *
   * @param reader makes the statistics of one deployment
   */
  public ModelStats(
      MlServices services, Catalogue catalogue, Function<Deployment, AssignmentStats> reader) {
    this.services = services;
    this.catalogue = catalogue;
    this.reader = reader;
  }

  /** The answer for the models and deployments that the request names. */
  public GetTrainedModelsStatsAction.Response answer(GetTrainedModelsStatsAction.Request request) {
    String expression = Objects.requireNonNullElse(request.getResourceId(), "_all");
    String[] tokens = Strings.tokenizeToStringArray(expression, ",");
    List<Deployment> named =
        catalogue.deployments().stream()
            .filter(deployment -> matches(tokens, deployment.deploymentId()))
            .toList();
    Set<String> namedIds = named.stream().map(Deployment::deploymentId).collect(Collectors.toSet());
    ModelSelection selection =
        new ModelSelection(withModelsOf(tokens, named), request, List.of(), namedIds, catalogue);
    Map<String, Set<String>> withAliases = new LinkedHashMap<>();
    Map<String, TrainedModelSizeStats> sizes = new HashMap<>();
    Map<String, Set<String>> deployed = new HashMap<>();
    Set<String> references = new HashSet<>(namedIds);
    for (StoredModel model : selection.page()) {
      String id = model.modelId();
      Set<String> aliases = catalogue.aliasesOf(id);
      withAliases.put(id, aliases);
      references.add(id);
      references.addAll(aliases);
      sizes.put(id, size(model));
      List<Deployment> deployments = catalogue.deploymentsOf(id);
      if (deployments.isEmpty() == false) {
        deployed.put(
            id,
            deployments.stream()
                .map(Deployment::deploymentId)
                .collect(Collectors.toCollection(TreeSet::new)));
      }
    }
    return new GetTrainedModelsStatsAction.Response.Builder()
        .setTotalModelCount(selection.count())
        .setExpandedModelIdsWithAliases(withAliases)
        .setModelSizeStatsByModelId(sizes)
        .setIngestStatsByModelId(ingest(references))
        .setDeploymentStatsByDeploymentId(stats(tokens, named))
        .build(deployed);
  }

  private static boolean matches(String[] tokens, String id) {
    return Strings.isAllOrWildcard(tokens) || Regex.simpleMatch(tokens, id);
  }

  private static String withModelsOf(String[] tokens, List<Deployment> named) {
    if (Strings.isAllOrWildcard(tokens)) {
      return "_all";
    }
    Set<String> all = new TreeSet<>(List.of(tokens));
    named.forEach(deployment -> all.add(deployment.modelId()));
    return String.join(",", all);
  }

  /** Of the named deployments and of those whose model is named; if there are none, of all. */
  private Map<String, AssignmentStats> stats(String[] tokens, List<Deployment> named) {
    List<Deployment> wanted =
        catalogue.deployments().stream()
            .filter(
                deployment -> named.contains(deployment) || matches(tokens, deployment.modelId()))
            .toList();
    Map<String, AssignmentStats> stats = new HashMap<>();
    for (Deployment deployment : wanted.isEmpty() ? catalogue.deployments() : wanted) {
      stats.put(deployment.deploymentId(), reader.apply(deployment));
    }
    return stats;
  }

  private Map<String, IngestStats> ingest(Set<String> references) {
    Map<String, Set<String>> pipelines = new HashMap<>();
    PipelineReferences.byId(services.clusterService(), references)
        .forEach(
            (reference, ids) ->
                pipelines
                    .computeIfAbsent(catalogue.withoutAlias(reference), none -> new HashSet<>())
                    .addAll(ids));
    Map<String, IngestStats> stats = new HashMap<>();
    pipelines.forEach((id, ids) -> stats.put(id, services.pipelines().statsOf(ids)));
    return stats;
  }

  private TrainedModelSizeStats size(StoredModel model) {
    TrainedModelConfig config = model.parse(services.registry()).build();
    long bytes = model.definitionLength();
    return new TrainedModelSizeStats(
        bytes,
        bytes == 0
            ? 0
            : StartTrainedModelDeploymentAction.estimateMemoryUsageBytes(
                model.modelId(),
                bytes,
                config.getPerDeploymentMemoryBytes(),
                config.getPerAllocationMemoryBytes(),
                1));
  }
}

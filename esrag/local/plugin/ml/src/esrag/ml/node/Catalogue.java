package esrag.ml.node;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What the ML node process has at one moment; on a cluster the cluster state and the index of
 * trained models tell this.
 *
 * @param models the trained models
 * @param deployments the deployments, whatever their state
 * @param aliases the id of a model by its alias
 */
public record Catalogue(
    List<StoredModel> models, List<Deployment> deployments, Map<String, String> aliases) {

  /** The model of this id; aliases are not looked at. */
  public Optional<StoredModel> model(String id) {
    return models.stream().filter(model -> model.modelId().equals(id)).findFirst();
  }

  /** The deployment of this id. */
  public Optional<Deployment> deployment(String id) {
    return deployments.stream()
        .filter(deployment -> deployment.deploymentId().equals(id))
        .findFirst();
  }

  /** The deployments of a model. */
  public List<Deployment> deploymentsOf(String modelId) {
    return deployments.stream().filter(deployment -> deployment.modelId().equals(modelId)).toList();
  }

  /** The aliases that refer to this id, sorted. */
  public Set<String> aliasesOf(String modelId) {
    Set<String> found = new TreeSet<>();
    aliases.forEach(
        (alias, model) -> {
          if (model.equals(modelId)) {
            found.add(alias);
          }
        });
    return found;
  }

  /** The model an alias refers to; any other id is itself. */
  public String withoutAlias(String id) {
    return aliases.getOrDefault(id, id);
  }
}

package esrag.ml.infer;

import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelPrefixStrings;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelPrefixStrings.PrefixType;

/**
 * A running deployment together with the config of its model.
 *
 * @param named the id it was found by, an alias replaced by its model; documents are told this one
 * @param deploymentId the deployment
 * @param allocations how many requests it works on at once
 * @param queueCapacity how many texts may wait for it
 * @param config the model's config
 */
public record Target(
    String named,
    String deploymentId,
    int allocations,
    int queueCapacity,
    TrainedModelConfig config) {

  /** What the model wants before its texts for this use, or null. */
  public String prefix(PrefixType type) {
    TrainedModelPrefixStrings prefixes = config.getPrefixStrings();
    if (prefixes == null) {
      return null;
    }
    return switch (type) {
      case INGEST -> prefixes.ingestPrefix();
      case SEARCH -> prefixes.searchPrefix();
      case NONE -> null;
    };
  }

  /** The field of a document that the model reads. */
  public String inputField() {
    return config.getInput().getFieldNames().get(0);
  }
}

package esrag.ml.service;

import esrag.ml.endpoint.Endpoint;
import esrag.ml.endpoint.EndpointSettings;
import esrag.ml.endpoint.InferenceProvider.Given;
import esrag.ml.node.Deployment;
import java.util.LinkedHashMap;
import java.util.Map;
import org.elasticsearch.core.Strings;
import org.elasticsearch.inference.ModelConfigurations;
import org.elasticsearch.inference.SimilarityMeasure;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.xpack.core.ml.inference.assignment.AdaptiveAllocationsSettings;

/** The settings of endpoints over models of this cluster. */
final class DeployedModelSettings {
  static final String MODEL_ID = EndpointSettings.MODEL_ID;
  static final String DEPLOYMENT_ID = "deployment_id";
  static final String NUM_ALLOCATIONS = "num_allocations";
  static final String NUM_THREADS = "num_threads";
  static final String ADAPTIVE = "adaptive_allocations";

  private DeployedModelSettings() {}

  /** Reads what an endpoint with a deployment of its own is given. */
  static Endpoint read(Endpoint draft, String modelId, Given given) {
    SettingsReader reader =
        new SettingsReader(given.service(), ModelConfigurations.SERVICE_SETTINGS);
    Map<String, Object> settings = new LinkedHashMap<>();
    Settings.put(settings, NUM_ALLOCATIONS, reader.optionalPositive(NUM_ALLOCATIONS));
    Settings.put(settings, NUM_THREADS, reader.requiredPositive(NUM_THREADS));
    Map<String, Object> adaptive = reader.adaptiveAllocations(ADAPTIVE);
    reader.optionalText(MODEL_ID);
    settings.put(MODEL_ID, modelId);
    Settings.put(settings, ADAPTIVE, adaptive);
    requireAllocations(settings, reader);
    if (draft.taskType() == TaskType.TEXT_EMBEDDING) {
      String similarity = reader.similarity(EndpointSettings.SIMILARITY);
      reader.optionalText(EndpointSettings.ELEMENT_TYPE);
      Settings.put(settings, EndpointSettings.SIMILARITY, similarity);
    }
    reader.finish();
    return defaults(draft.with(settings), given);
  }

  /** The settings of an endpoint over a deployment that there is are the deployment's. */
  static Endpoint of(Endpoint draft, Deployment deployment, Given given) {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put(NUM_ALLOCATIONS, deployment.targetAllocations());
    settings.put(NUM_THREADS, deployment.threadsPerAllocation());
    settings.put(MODEL_ID, deployment.modelId());
    Settings.put(settings, ADAPTIVE, shown(deployment.adaptive()));
    settings.put(DEPLOYMENT_ID, deployment.deploymentId());
    // The server looks at none of the other settings here, and refuses none.
    given.service().clear();
    return defaults(draft.with(settings), given);
  }

  private static Map<String, Object> shown(Deployment.Adaptive adaptive) {
    if (adaptive == null) {
      return null;
    }
    Map<String, Object> shown = new LinkedHashMap<>();
    Settings.put(shown, AdaptiveAllocationsSettings.ENABLED.getPreferredName(), adaptive.enabled());
    Settings.put(
        shown,
        AdaptiveAllocationsSettings.MIN_NUMBER_OF_ALLOCATIONS.getPreferredName(),
        adaptive.min());
    Settings.put(
        shown,
        AdaptiveAllocationsSettings.MAX_NUMBER_OF_ALLOCATIONS.getPreferredName(),
        adaptive.max());
    return shown;
  }

  private static Endpoint defaults(Endpoint endpoint, Given given) {
    return switch (endpoint.taskType()) {
      case TEXT_EMBEDDING -> {
        Map<String, Object> shape = new LinkedHashMap<>();
        if (endpoint.settings().containsKey(EndpointSettings.SIMILARITY) == false) {
          shape.put(EndpointSettings.SIMILARITY, SimilarityMeasure.COSINE.toString());
        }
        shape.put(EndpointSettings.ELEMENT_TYPE, "float");
        yield endpoint.with(shape);
      }
      case RERANK -> {
        Endpoint wishing = endpoint.withTask(Map.of(RerankWishes.RETURN_DOCUMENTS, true));
        yield wishing.withTask(wishes(wishing, given));
      }
      default -> endpoint;
    };
  }

  /** Reranking by a deployed model knows of the task settings only {@code return_documents}. */
  static Map<String, Object> wishes(Endpoint endpoint, Given given) {
    SettingsReader reader = new SettingsReader(given.task(), ModelConfigurations.TASK_SETTINGS);
    Map<String, Object> merged = new LinkedHashMap<>(endpoint.taskSettings());
    Settings.put(
        merged, RerankWishes.RETURN_DOCUMENTS, reader.optionalFlag(RerankWishes.RETURN_DOCUMENTS));
    reader.finish();
    return merged;
  }

  /** Other allocations for an endpoint; nothing else of it can change. */
  static Endpoint update(Endpoint endpoint, Given given) {
    Endpoint changed = endpoint;
    if (given.service().isEmpty() == false) {
      SettingsReader reader =
          new SettingsReader(given.service(), ModelConfigurations.SERVICE_SETTINGS);
      Map<String, Object> settings = new LinkedHashMap<>();
      Settings.put(settings, NUM_ALLOCATIONS, reader.optionalPositive(NUM_ALLOCATIONS));
      Settings.put(settings, ADAPTIVE, reader.adaptiveAllocations(ADAPTIVE));
      if (given.service().isEmpty()) {
        requireAllocations(settings, reader);
      }
      if (settings.size() > 1) {
        reader.error(
            Strings.format("[%s] cannot be set if [%s] is set", NUM_ALLOCATIONS, ADAPTIVE));
      }
      reader.finish();
      changed = endpoint.without(NUM_ALLOCATIONS, ADAPTIVE).with(settings);
    }
    return endpoint.taskType() == TaskType.RERANK
        ? changed.withTask(wishes(changed, given))
        : changed;
  }

  private static void requireAllocations(Map<String, Object> settings, SettingsReader reader) {
    if (settings.containsKey(NUM_ALLOCATIONS) == false && settings.containsKey(ADAPTIVE) == false) {
      reader.error(
          Strings.format(
              "[%s] does not contain one of the required settings [%s, %s]",
              ModelConfigurations.SERVICE_SETTINGS, NUM_ALLOCATIONS, ADAPTIVE));
    }
  }

  /** The adaptive allocations of an endpoint in x-pack-core's own class, or null. */
  static AdaptiveAllocationsSettings adaptive(Endpoint endpoint) {
    return endpoint.settings().get(ADAPTIVE) instanceof Map<?, ?> given
        ? new AdaptiveAllocationsSettings(
            (Boolean) given.get(AdaptiveAllocationsSettings.ENABLED.getPreferredName()),
            (Integer)
                given.get(AdaptiveAllocationsSettings.MIN_NUMBER_OF_ALLOCATIONS.getPreferredName()),
            (Integer)
                given.get(AdaptiveAllocationsSettings.MAX_NUMBER_OF_ALLOCATIONS.getPreferredName()))
        : null;
  }
}

package esrag.ml.service;

import esrag.ml.endpoint.Endpoint;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.elasticsearch.inference.ModelConfigurations;
import org.elasticsearch.inference.RerankRequest;

/**
 * How a ranking is wanted: the request decides, then its task settings, then the endpoint's.
 *
 * @param most how many of the best, or null for all
 * @param withTexts whether the passages come back with their ranks, or null when nobody said
 */
record RerankWishes(Integer most, Boolean withTexts) {
  static final String TOP_N = "top_n";
  static final String RETURN_DOCUMENTS = "return_documents";

  static RerankWishes of(Endpoint endpoint, RerankRequest request) {
    Map<String, Object> asked =
        merged(
            endpoint,
            request.taskSettings() == null ? Map.of() : new HashMap<>(request.taskSettings()));
    return new RerankWishes(
        request.topN() == null ? (Integer) asked.get(TOP_N) : request.topN(),
        request.returnDocuments() == null
            ? (Boolean) asked.get(RETURN_DOCUMENTS)
            : request.returnDocuments());
  }

  /** Task settings put over those of an endpoint. */
  static Map<String, Object> merged(Endpoint endpoint, Map<String, Object> given) {
    Map<String, Object> left = given.isEmpty() ? new HashMap<>() : given;
    SettingsReader reader = new SettingsReader(left, ModelConfigurations.TASK_SETTINGS);
    Map<String, Object> merged = new LinkedHashMap<>(endpoint.taskSettings());
    Settings.put(merged, TOP_N, reader.optionalPositive(TOP_N));
    Settings.put(merged, RETURN_DOCUMENTS, reader.optionalFlag(RETURN_DOCUMENTS));
    reader.finish();
    return merged;
  }
}

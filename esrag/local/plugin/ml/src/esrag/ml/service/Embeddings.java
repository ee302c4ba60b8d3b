package esrag.ml.service;

import esrag.ml.endpoint.Endpoint;
import esrag.ml.endpoint.EndpointSettings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.inference.InputType;
import org.elasticsearch.inference.SimilarityMeasure;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.inference.results.EmbeddingFloatResults;

/** What a new text_embedding endpoint learns from its first vector. */
final class Embeddings {
  /** The text that the server itself proves new endpoints with. */
  static final String PROBE = "how big";

  private Embeddings() {}

  static InferenceAction.Request probe(Endpoint endpoint, TimeValue timeout) {
    return new InferenceAction.Request(
        endpoint.taskType(),
        endpoint.inferenceId(),
        List.of(PROBE),
        Map.of(),
        InputType.INTERNAL_INGEST,
        timeout,
        false);
  }

  static Endpoint measured(Endpoint endpoint, InferenceServiceResults results) {
    if (results instanceof EmbeddingFloatResults == false) {
      throw new ElasticsearchStatusException(
          "Could not complete inference endpoint creation as validation call to service returned"
              + " results of an unexpected type",
          RestStatus.BAD_REQUEST);
    }
    Map<String, Object> found = new LinkedHashMap<>();
    found.put(
        EndpointSettings.DIMENSIONS, ((EmbeddingFloatResults) results).getFirstEmbeddingSize());
    if (endpoint.settings().containsKey(EndpointSettings.SIMILARITY) == false) {
      found.put(EndpointSettings.SIMILARITY, SimilarityMeasure.COSINE.toString());
    }
    found.put(EndpointSettings.ELEMENT_TYPE, "float");
    return endpoint.with(found);
  }

  /** The server's answer when a new endpoint's first request fails. */
  static ElasticsearchStatusException unproven(Exception cause) {
    return new ElasticsearchStatusException(
        "Could not complete inference endpoint creation as validation call to service threw an"
            + " exception.",
        RestStatus.BAD_REQUEST,
        cause);
  }
}

package esrag.ml.service;

import esrag.ml.endpoint.Endpoint;
import esrag.ml.endpoint.EndpointSettings;
import java.util.LinkedHashMap;
import java.util.Map;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.inference.results.DenseEmbeddingFloatResults;
import org.elasticsearch.xpack.core.inference.results.EmbeddingFloatResults;

/** What a new endpoint learns from its first answer, and what is said when there is none. */
final class Embeddings {
  /** The text that the server itself proves new endpoints with. */
  static final String PROBE = "how big";

  private Embeddings() {}

  /** Takes the answer to the first request, and completes the endpoint by what it shows. */
  static ActionListener<InferenceServiceResults> proving(
      Endpoint endpoint, String similarity, ActionListener<Endpoint> listener) {
    return ActionListener.wrap(
        results ->
            ActionListener.completeWith(
                listener,
                () ->
                    endpoint.taskType() == TaskType.TEXT_EMBEDDING
                        ? measured(endpoint, similarity, results)
                        : endpoint),
        failure -> listener.onFailure(unproven(failure)));
  }

  private static Endpoint measured(
      Endpoint endpoint, String similarity, InferenceServiceResults results) {
    if (results instanceof EmbeddingFloatResults == false) {
      throw new ElasticsearchStatusException(
          "Validation call did not return expected results type.Expected a result of type [{}] got"
              + " [{}]",
          RestStatus.BAD_REQUEST,
          DenseEmbeddingFloatResults.NAME,
          results == null ? "null" : results.getWriteableName());
    }
    int size = ((EmbeddingFloatResults) results).getFirstEmbeddingSize();
    Integer asked = endpoint.number(EndpointSettings.DIMENSIONS);
    if (Boolean.TRUE.equals(endpoint.settings().get(EndpointSettings.DIMENSIONS_SET_BY_USER))
        && asked != null
        && asked != size) {
      throw new ElasticsearchStatusException(
          "The retrieved embeddings size [{}] does not match the size specified in the settings"
              + " [{}]. Please recreate the [{}] configuration with the correct dimensions",
          RestStatus.BAD_REQUEST,
          size,
          asked,
          endpoint.inferenceId());
    }
    Map<String, Object> found = new LinkedHashMap<>();
    found.put(EndpointSettings.DIMENSIONS, size);
    if (endpoint.settings().containsKey(EndpointSettings.SIMILARITY) == false) {
      found.put(EndpointSettings.SIMILARITY, similarity);
    }
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

package esrag.ml.service;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.inference.results.DenseEmbeddingFloatResults;
import org.elasticsearch.xpack.core.inference.results.RankedDocsResults;
import org.elasticsearch.xpack.core.inference.results.SparseEmbeddingResults;
import org.elasticsearch.xpack.core.ml.inference.results.ErrorInferenceResults;
import org.elasticsearch.xpack.core.ml.inference.results.TextSimilarityInferenceResults;

/** Puts what a deployed model made of texts into the shape that endpoints answer with. */
final class DeployedModelResults {
  private DeployedModelResults() {}

  /** Vectors or tokens, in the order of the texts; one failure fails all. */
  static InferenceServiceResults embeddings(TaskType task, List<InferenceResults> results)
      throws Exception {
    for (InferenceResults result : results) {
      if (result instanceof ErrorInferenceResults error) {
        throw error.getException();
      }
    }
    return task == TaskType.SPARSE_EMBEDDING
        ? SparseEmbeddingResults.of(results)
        : DenseEmbeddingFloatResults.of(results);
  }

  /**
   * Passages by their scores, best first. The scores are the model's own, of any range.
   *
   * @param texts the passages where they are to come back, else null
   * @param most how many of the best, or null for all
   */
  static RankedDocsResults ranking(
      List<? extends InferenceResults> results, List<String> texts, Integer most) {
    List<RankedDocsResults.RankedDoc> ranked = new ArrayList<>(results.size());
    for (int i = 0; i < results.size(); i++) {
      ranked.add(
          new RankedDocsResults.RankedDoc(
              i, score(results.get(i)), texts == null ? null : texts.get(i)));
    }
    Collections.sort(ranked);
    return new RankedDocsResults(
        most == null ? ranked : ranked.subList(0, Math.min(most, ranked.size())));
  }

  private static float score(InferenceResults result) {
    if (result instanceof TextSimilarityInferenceResults similarity) {
      return (float) similarity.score();
    }
    if (result instanceof ErrorInferenceResults error) {
      throw error.getException() instanceof ElasticsearchStatusException known
          ? known
          : new ElasticsearchStatusException(
              "Received error inference result.",
              RestStatus.INTERNAL_SERVER_ERROR,
              error.getException());
    }
    throw new IllegalArgumentException(
        "Received invalid inference result, of type "
            + result.getClass().getName()
            + " but expected TextSimilarityInferenceResults.");
  }
}

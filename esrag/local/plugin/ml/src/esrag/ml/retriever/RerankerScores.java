package esrag.ml.retriever;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.inference.InferenceString;
import org.elasticsearch.inference.RerankRequest;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.inference.TopNProvider;
import org.elasticsearch.search.rank.context.RankFeaturePhaseRankCoordinatorContext;
import org.elasticsearch.search.rank.feature.RankFeatureDoc;
import org.elasticsearch.xpack.core.ClientHelper;
import org.elasticsearch.xpack.core.inference.action.BaseInferenceActionRequest;
import org.elasticsearch.xpack.core.inference.action.GetInferenceModelAction;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.inference.action.RerankAction;
import org.elasticsearch.xpack.core.inference.results.RankedDocsResults;

/** Has a reranking endpoint score the passages of the best hits, on the coordinating node. */
final class RerankerScores extends RankFeaturePhaseRankCoordinatorContext {
  private final Client client;
  private final Reranking reranking;

  RerankerScores(int size, int from, int rankWindowSize, Client client, Reranking reranking) {
    super(size, from, rankWindowSize, reranking.failuresAllowed());
    this.client = client;
    this.reranking = reranking;
  }

  @Override
  protected void computeScores(RankFeatureDoc[] hits, ActionListener<float[]> listener) {
    client.execute(
        GetInferenceModelAction.INSTANCE,
        new GetInferenceModelAction.Request(reranking.inferenceId(), TaskType.RERANK),
        listener.delegateFailureAndWrap(
            (next, found) -> {
              checkTop(found);
              if (hits.length == 0) {
                next.onResponse(new float[0]);
              } else {
                rerank(hits, next);
              }
            }));
  }

  /** An endpoint that returns the best few only would leave hits without a score. */
  private void checkTop(GetInferenceModelAction.Response found) {
    if (found.getEndpoints().getFirst().getTaskSettings() instanceof TopNProvider settings
        && settings.getTopN() != null
        && settings.getTopN() < rankWindowSize) {
      throw new IllegalArgumentException(
          "Inference endpoint ["
              + reranking.inferenceId()
              + "] is configured to return the top ["
              + settings.getTopN()
              + "] results, but rank_window_size is ["
              + rankWindowSize
              + "]. Reduce rank_window_size to be less than or equal to the configured top N"
              + " value.");
    }
  }

  private void rerank(RankFeatureDoc[] hits, ActionListener<float[]> listener) {
    List<InferenceString> pieces = new ArrayList<>();
    List<Integer> hitOfPiece = new ArrayList<>();
    for (int hit = 0; hit < hits.length; hit++) {
      if (hits[hit].featureData != null) {
        for (String piece : hits[hit].featureData) {
          pieces.add(InferenceString.ofText(piece));
          hitOfPiece.add(hit);
        }
      }
    }
    RerankAction.Request request =
        new RerankAction.Request(
            reranking.inferenceId(),
            new RerankRequest(
                pieces, InferenceString.ofText(reranking.question()), null, null, Map.of()),
            BaseInferenceActionRequest.getDefaultTimeoutForTaskType(TaskType.RERANK));
    ClientHelper.executeAsyncWithOrigin(
        client,
        ClientHelper.INFERENCE_ORIGIN,
        RerankAction.INSTANCE,
        request,
        listener.map(response -> scores(hits, hitOfPiece, response)));
  }

  private float[] scores(
      RankFeatureDoc[] hits, List<Integer> hitOfPiece, InferenceAction.Response response) {
    List<RankedDocsResults.RankedDoc> ranked =
        ((RankedDocsResults) response.getResults()).getRankedDocs();
    if (reranking.chunks() == null && ranked.size() != hits.length) {
      throw new IllegalStateException(
          "Reranker input document count and returned score count mismatch: ["
              + hits.length
              + "] vs ["
              + ranked.size()
              + "]");
    }
    float[] scores = new float[hits.length];
    boolean[] scored = new boolean[hits.length];
    for (RankedDocsResults.RankedDoc piece : ranked) {
      int hit = hitOfPiece.get(piece.index());
      scores[hit] =
          scored[hit] ? Math.max(scores[hit], piece.relevanceScore()) : piece.relevanceScore();
      scored[hit] = true;
    }
    return scores;
  }

  /** Best first; a reranker's scores may be negative, those of hits may not. */
  @Override
  protected RankFeatureDoc[] preprocess(RankFeatureDoc[] hits, boolean reranked) {
    if (reranked == false) {
      return hits;
    }
    List<RankFeatureDoc> kept = new ArrayList<>(hits.length);
    for (RankFeatureDoc hit : hits) {
      if (reranking.minScore() == null || hit.score >= reranking.minScore()) {
        hit.score = positive(hit.score);
        kept.add(hit);
      }
    }
    kept.sort(null);
    return kept.toArray(RankFeatureDoc[]::new);
  }

  /** Above 1 what is positive, between 0 and 1 what is not; the order stays. */
  private static float positive(float score) {
    return Math.max(score, 0) + Math.min((float) Math.exp(score), 1);
  }
}

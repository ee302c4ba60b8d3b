package esrag.modules.retriever;

import java.util.List;

/**
 * The formula of reciprocal rank fusion: each ranking adds {@code weight / (rank constant + rank)},
 * ranks counted from 1.
 */
record ReciprocalRank(int constant, List<Float> weights) {
  static final int DEFAULT_CONSTANT = 60;

  float score(int ranking, int rank) {
    return weights.get(ranking) / (constant + rank);
  }
}

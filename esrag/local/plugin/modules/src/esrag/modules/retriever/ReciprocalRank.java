package esrag.modules.retriever;

import java.util.List;

/**
 * The formula of reciprocal rank fusion: each ranking adds {@code weight * 1 / (rank constant +
 * rank)}, ranks counted from 1.
 */
record ReciprocalRank(int constant, List<Float> weights) {
  static final int DEFAULT_CONSTANT = 60;

  /** What a ranking adds to a document's score. */
  float part(int ranking, int rank) {
    return weights.get(ranking) * score(rank);
  }

  /** The same before its weight, which is what explanations show. */
  float score(int rank) {
    return 1f / (constant + rank);
  }
}

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

  /** The formula for one rank as an explanation shows it; a weight shows only where it counts. */
  String describe(int ranking, int rank) {
    float weight = weights.get(ranking);
    return (weight == 1f ? "1" : String.valueOf(weight)) + " / (" + rank + " + " + constant + ")";
  }

  /** The formula in general. */
  String describe() {
    boolean weighted = weights.stream().anyMatch(weight -> weight != 1f);
    return (weighted ? "weight" : "1") + " / (rank + rankConstant)";
  }
}

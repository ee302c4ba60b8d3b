package esrag.modules.retriever;

import java.util.Locale;
import org.apache.lucene.search.ScoreDoc;

/** How {@code linear} makes the scores of its rankings comparable. */
enum ScoreNormalizer {
  NONE {
    @Override
    float[] normalize(ScoreDoc[] hits) {
      return scores(hits);
    }
  },
  MINMAX {
    @Override
    float[] normalize(ScoreDoc[] hits) {
      float[] scores = scores(hits);
      float min = Float.MAX_VALUE;
      float max = -Float.MAX_VALUE;
      for (float score : scores) {
        min = Math.min(min, score);
        max = Math.max(max, score);
      }
      float range = max - min;
      for (int i = 0; i < scores.length; i++) {
        scores[i] = range < NEGLIGIBLE ? 1f : (scores[i] - min) / range;
      }
      return scores;
    }
  },
  L2_NORM {
    @Override
    float[] normalize(ScoreDoc[] hits) {
      float[] scores = scores(hits);
      double squares = 0;
      for (float score : scores) {
        squares += (double) score * score;
      }
      double norm = Math.sqrt(squares);
      if (norm >= NEGLIGIBLE) {
        for (int i = 0; i < scores.length; i++) {
          scores[i] = (float) (scores[i] / norm);
        }
      }
      return scores;
    }
  };

  /** A spread below this carries no order. */
  private static final float NEGLIGIBLE = 1e-6f;

  abstract float[] normalize(ScoreDoc[] hits);

  String apiName() {
    return name().toLowerCase(Locale.ROOT);
  }

  static ScoreNormalizer of(String name) {
    for (ScoreNormalizer normalizer : values()) {
      if (normalizer.apiName().equalsIgnoreCase(name)) {
        return normalizer;
      }
    }
    throw new IllegalArgumentException("Unknown normalizer [" + name + "]");
  }

  private static float[] scores(ScoreDoc[] hits) {
    float[] scores = new float[hits.length];
    for (int i = 0; i < hits.length; i++) {
      scores[i] = hits[i].score;
    }
    return scores;
  }
}

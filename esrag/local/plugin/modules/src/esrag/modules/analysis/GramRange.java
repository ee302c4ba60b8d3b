package esrag.modules.analysis;

/** {@code min_gram} and {@code max_gram}, checked against {@code index.max_ngram_diff}. */
record GramRange(int min, int max) {

  static GramRange of(AnalysisSettings settings) {
    return new GramRange(settings.integer("min_gram", 1), settings.integer("max_gram", 2));
  }

  static GramRange checked(AnalysisSettings settings, String what) {
    GramRange range = of(settings);
    int allowed = settings.index() == null ? 1 : settings.index().getMaxNgramDiff();
    int difference = range.max - range.min;
    if (difference > allowed) {
      throw new IllegalArgumentException(
          "The difference between max_gram and min_gram in "
              + what
              + " must be less than or equal to: ["
              + allowed
              + "] but was ["
              + difference
              + "]. This limit can be set by changing the [index.max_ngram_diff] "
              + "index level setting.");
    }
    return range;
  }
}

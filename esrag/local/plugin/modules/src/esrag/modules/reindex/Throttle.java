package esrag.modules.reindex;

/** Reads how many requests a second a run may make. */
final class Throttle {
  private static final String RULE =
      "[requests_per_second] must be a float greater than 0. Use -1 to disable throttling.";

  private Throttle() {}

  /** -1 lifts the limit, which the core writes as infinity. */
  static float of(String given) {
    float rate;
    try {
      rate = Float.parseFloat(given);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(RULE, e);
    }
    if (rate == -1) {
      return Float.POSITIVE_INFINITY;
    }
    if (rate <= 0) {
      throw new IllegalArgumentException(RULE);
    }
    return rate;
  }
}

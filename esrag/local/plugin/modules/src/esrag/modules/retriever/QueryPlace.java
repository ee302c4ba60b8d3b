package esrag.modules.retriever;

/**
 * How an explanation names one of the inner retrievers: by its place, and its name if it has one.
 */
final class QueryPlace {
  private QueryPlace() {}

  static String of(int ranking, String name) {
    return "in query at index [" + ranking + "]" + (name == null ? "" : " [" + name + "]");
  }
}

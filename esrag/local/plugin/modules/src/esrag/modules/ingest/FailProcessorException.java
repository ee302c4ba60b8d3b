package esrag.modules.ingest;

/** What a {@code fail} processor throws; the server derives the error's type from this name. */
final class FailProcessorException extends RuntimeException {
  FailProcessorException(String message) {
    super(message);
  }
}

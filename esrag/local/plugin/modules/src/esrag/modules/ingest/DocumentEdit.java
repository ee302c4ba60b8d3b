package esrag.modules.ingest;

import org.elasticsearch.ingest.IngestDocument;

/** What one processor does to a document, once its settings are read. */
@FunctionalInterface
interface DocumentEdit {
  void apply(IngestDocument document) throws Exception;

  /** Reads a processor's settings. */
  @FunctionalInterface
  interface Maker {
    DocumentEdit make(ProcessorSettings settings) throws Exception;
  }
}

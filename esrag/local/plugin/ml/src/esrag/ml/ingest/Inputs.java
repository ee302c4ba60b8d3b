package esrag.ml.ingest;

import java.util.List;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.ingest.IngestDocument;

/** Where an inference processor takes its texts from and puts its results. */
interface Inputs {

  /** Whether the model's own input field must be known to read the texts. */
  boolean needModelField();

  /**
   * The texts of a document; null for a field that is missing and may be.
   *
   * @param modelField the model's input field, when it was needed
   */
  List<String> texts(IngestDocument document, String modelField);

  /** Writes the results; null where there was no text. */
  void write(IngestDocument document, List<InferenceResults> results, String modelId);
}

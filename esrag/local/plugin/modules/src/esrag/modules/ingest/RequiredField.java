package esrag.modules.ingest;

import org.elasticsearch.ingest.IngestDocument;

/** A field that most processors read: where it is absent or null, they pass or fail as told. */
record RequiredField(String path, boolean ignoreMissing) {

  static RequiredField of(ProcessorSettings settings) {
    return new RequiredField(settings.text("field"), settings.flag("ignore_missing", false));
  }

  /**
   * The field's value, or null where the processor has to pass; the core refuses other types.
   *
   * @param purpose what a null value stands in the way of, the end of the sentence that says so
   */
  <T> T read(IngestDocument document, Class<T> type, String purpose) {
    T value = document.getFieldValue(path, type, ignoreMissing);
    if (value == null && !ignoreMissing) {
      throw new IllegalArgumentException("field [" + path + "] is null, " + purpose);
    }
    return value;
  }
}

package esrag.ml.ingest;

/**
 * Which field of a document is inferred and where the result goes.
 *
 * @param inputField the field with the text
 * @param outputField the field for the result
 */
record InputOutput(String inputField, String outputField) {

  /** The object that holds the output field, or null at the top of the document. */
  String outputBase() {
    int dot = outputField.lastIndexOf('.');
    return dot < 0 ? null : outputField.substring(0, dot);
  }

  /** The output field's own name in that object. */
  String outputName() {
    return outputField.substring(outputField.lastIndexOf('.') + 1);
  }
}

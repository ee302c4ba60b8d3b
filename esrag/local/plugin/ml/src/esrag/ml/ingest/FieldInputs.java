package esrag.ml.ingest;

import java.util.ArrayList;
import java.util.List;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.ingest.IngestDocument;

/** The option {@code input_output}: named fields in, bare results out. */
record FieldInputs(List<InputOutput> fields, boolean ignoreMissing) implements Inputs {

  @Override
  public boolean needModelField() {
    return false;
  }

  @Override
  public List<String> texts(IngestDocument document, String modelField) {
    List<String> texts = new ArrayList<>(fields.size());
    for (InputOutput field : fields) {
      texts.add(document.getFieldValue(field.inputField(), String.class, ignoreMissing));
    }
    return texts;
  }

  @Override
  public void write(IngestDocument document, List<InferenceResults> results, String modelId) {
    boolean first = true;
    for (int i = 0; i < fields.size(); i++) {
      InferenceResults result = results.get(i);
      if (result == null) {
        continue;
      }
      InputOutput field = fields.get(i);
      InferenceResults.writeResultToField(
          result, document, field.outputBase(), field.outputName(), modelId, first);
      first = false;
    }
  }
}

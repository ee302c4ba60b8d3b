package esrag.ml.ingest;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/** The options {@code field_map} and {@code target_field}: the document in, a result object out. */
record DocumentInput(Map<String, String> fieldMap, String targetField) implements Inputs {

  @Override
  public boolean needModelField() {
    return true;
  }

  @Override
  public List<String> texts(IngestDocument document, String modelField) {
    String source =
        fieldMap.entrySet().stream()
            .filter(entry -> entry.getValue().equals(modelField))
            .map(Map.Entry::getKey)
            .findFirst()
            .orElse(modelField);
    Object value = document.getFieldValue(source, Object.class, true);
    if (value == null && source.equals(modelField) == false) {
      // A field that is not there is not mapped: the document may have the model's own.
      value = document.getFieldValue(modelField, Object.class, true);
    }
    if (value == null) {
      throw ExceptionsHelper.badRequestException(
          "Input field [{}] does not exist in the source document", modelField);
    }
    if (value instanceof String == false) {
      throw ExceptionsHelper.badRequestException(
          "Input value [{}] for field [{}] must be a string", value, modelField);
    }
    return Arrays.asList((String) value);
  }

  @Override
  public void write(IngestDocument document, List<InferenceResults> results, String modelId) {
    InferenceResults.writeResult(results.get(0), document, targetField, modelId);
  }
}

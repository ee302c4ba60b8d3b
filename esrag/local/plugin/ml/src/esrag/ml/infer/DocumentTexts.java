package esrag.ml.infer;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.common.xcontent.support.XContentMapValues;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.xpack.core.ml.inference.results.ErrorInferenceResults;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/**
 * Takes the model's input field out of documents and puts the results back in the documents' order.
 * A document without text keeps its error in its place; when no document has a text the whole
 * request is wrong.
 */
final class DocumentTexts {
  private final Map<Integer, String> texts = new LinkedHashMap<>();
  private final Map<Integer, ElasticsearchStatusException> errors = new LinkedHashMap<>();
  private final int size;

  DocumentTexts(List<Map<String, Object>> documents, String field) {
    size = documents.size();
    for (int i = 0; i < size; i++) {
      Object value = XContentMapValues.extractValue(field, documents.get(i));
      if (value instanceof String text) {
        texts.put(i, text);
      } else {
        errors.put(i, wrong(field, value));
      }
    }
  }

  private static ElasticsearchStatusException wrong(String field, Object value) {
    return value == null
        ? ExceptionsHelper.badRequestException(
            "Input field [{}] does not exist in the source document", field)
        : ExceptionsHelper.badRequestException(
            "Input value [{}] for field [{}] is not a string", value, field);
  }

  List<String> texts() {
    if (texts.isEmpty() && errors.isEmpty() == false) {
      throw errors.values().iterator().next();
    }
    return List.copyOf(texts.values());
  }

  List<InferenceResults> merge(List<InferenceResults> results) {
    List<InferenceResults> merged = new ArrayList<>(size);
    int next = 0;
    for (int i = 0; i < size; i++) {
      merged.add(
          texts.containsKey(i) ? results.get(next++) : new ErrorInferenceResults(errors.get(i)));
    }
    return merged;
  }
}

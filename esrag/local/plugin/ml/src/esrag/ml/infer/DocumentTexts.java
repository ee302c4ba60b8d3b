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
 * Takes the model's input field out of documents and puts the results back in the documents' order,
 * between the errors of documents that have no text.
 */
final class DocumentTexts {
  private final Map<Integer, String> texts = new LinkedHashMap<>();
  private final Map<Integer, ElasticsearchStatusException> errors = new LinkedHashMap<>();
  private final int size;

  private DocumentTexts(int size) {
    this.size = size;
  }

  /** The texts of documents. */
  static DocumentTexts of(List<Map<String, Object>> documents, String field) {
    DocumentTexts read = new DocumentTexts(documents.size());
    for (int i = 0; i < documents.size(); i++) {
      Object value = XContentMapValues.extractValue(field, documents.get(i));
      if (value instanceof String text) {
        read.texts.put(i, text);
      } else {
        read.errors.put(i, wrong(field, value));
      }
    }
    return read;
  }

  /** Texts that need no taking out. */
  static DocumentTexts of(List<String> texts) {
    DocumentTexts read = new DocumentTexts(texts.size());
    for (int i = 0; i < texts.size(); i++) {
      read.texts.put(i, texts.get(i));
    }
    return read;
  }

  private static ElasticsearchStatusException wrong(String field, Object value) {
    return value == null
        ? ExceptionsHelper.badRequestException(
            "Input field [{}] does not exist in the source document", field)
        : ExceptionsHelper.badRequestException(
            "Input value [{}] for field [{}] must be a string", value, field);
  }

  List<String> texts() {
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

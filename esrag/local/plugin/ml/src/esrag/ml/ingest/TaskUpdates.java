package esrag.ml.ingest;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.ClassificationConfigUpdate;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.FillMaskConfigUpdate;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.InferenceConfigUpdate;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.NerConfigUpdate;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.PassThroughConfigUpdate;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.QuestionAnsweringConfigUpdate;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.RegressionConfigUpdate;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.TextClassificationConfigUpdate;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.TextEmbeddingConfigUpdate;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.TextExpansionConfigUpdate;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.TextSimilarityConfigUpdate;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.ZeroShotClassificationConfigUpdate;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/** Reads what a processor wants of a task, by x-pack-core's readers, in the server's order. */
final class TaskUpdates {
  private static final Map<String, Function<Map<String, Object>, InferenceConfigUpdate>> READERS =
      new LinkedHashMap<>();

  static {
    READERS.put("classification", ClassificationConfigUpdate::fromMap);
    READERS.put("regression", RegressionConfigUpdate::fromMap);
    READERS.put("fill_mask", FillMaskConfigUpdate::fromMap);
    READERS.put("ner", NerConfigUpdate::fromMap);
    READERS.put("pass_through", PassThroughConfigUpdate::fromMap);
    READERS.put("question_answering", QuestionAnsweringConfigUpdate::fromMap);
    READERS.put("text_classification", TextClassificationConfigUpdate::fromMap);
    READERS.put("text_embedding", TextEmbeddingConfigUpdate::fromMap);
    READERS.put("text_expansion", TextExpansionConfigUpdate::fromMap);
    READERS.put("text_similarity", TextSimilarityConfigUpdate::fromMap);
    READERS.put("zero_shot_classification", ZeroShotClassificationConfigUpdate::fromMap);
  }

  private TaskUpdates() {}

  @SuppressWarnings("unchecked")
  static InferenceConfigUpdate read(String task, Map<?, ?> options) {
    Function<Map<String, Object>, InferenceConfigUpdate> reader = READERS.get(task);
    if (reader == null) {
      throw ExceptionsHelper.badRequestException(
          "unrecognized inference configuration type {}. Supported types {}",
          Set.of(task),
          List.copyOf(READERS.keySet()));
    }
    return reader.apply((Map<String, Object>) options);
  }
}

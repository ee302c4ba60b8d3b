package esrag.ml.infer;

import esrag.ml.node.TextResult;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.inference.WeightedToken;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.ml.inference.results.ErrorInferenceResults;
import org.elasticsearch.xpack.core.ml.inference.results.FillMaskResults;
import org.elasticsearch.xpack.core.ml.inference.results.MlDenseEmbeddingResults;
import org.elasticsearch.xpack.core.ml.inference.results.NerResults;
import org.elasticsearch.xpack.core.ml.inference.results.NlpClassificationInferenceResults;
import org.elasticsearch.xpack.core.ml.inference.results.PyTorchPassThroughResults;
import org.elasticsearch.xpack.core.ml.inference.results.QuestionAnsweringInferenceResults;
import org.elasticsearch.xpack.core.ml.inference.results.QuestionAnsweringInferenceResults.TopAnswerEntry;
import org.elasticsearch.xpack.core.ml.inference.results.TextExpansionResults;
import org.elasticsearch.xpack.core.ml.inference.results.TextSimilarityInferenceResults;
import org.elasticsearch.xpack.core.ml.inference.results.TopClassEntry;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.FillMaskConfig;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.InferenceConfig;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.QuestionAnsweringConfig;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.TextClassificationConfig;

/**
 * Puts what the ML node process answered into x-pack-core's own results, which write themselves
 * into responses and documents. How many classes are shown is decided here, as on the server, by
 * the config of the call.
 */
final class TaskResults {
  private final InferenceConfig config;
  private final String field;

  /**
   * The results of one call.
   *
   * @param config the model's config merged with the caller's update
   */
  TaskResults(InferenceConfig config) {
    this.config = config;
    this.field =
        Objects.requireNonNullElse(config.getResultsField(), InferenceConfig.DEFAULT_RESULTS_FIELD);
  }

  /** The result of one text; its error where it has one. */
  InferenceResults of(TextResult result) {
    if (result.error() != null) {
      return new ErrorInferenceResults(
          new ElasticsearchStatusException("{}", RestStatus.BAD_REQUEST, result.error()));
    }
    return switch (result.type()) {
      case "text_embedding" ->
          new MlDenseEmbeddingResults(field, result.values(), result.truncated());
      case "text_similarity" ->
          new TextSimilarityInferenceResults(field, result.number("value"), result.truncated());
      case "text_expansion" -> new TextExpansionResults(field, tokens(result), result.truncated());
      case "text_classification", "zero_shot_classification" -> classification(result);
      case "fill_mask" -> fillMask(result);
      case "ner" ->
          new NerResults(field, result.text("annotated"), entities(result), result.truncated());
      case "question_answering" -> answer(result);
      case "pass_through" ->
          new PyTorchPassThroughResults(field, tensor(result), result.truncated());
      default ->
          throw new ElasticsearchStatusException(
              "The ML node process gave a result of type [{}] that nobody knows",
              RestStatus.INTERNAL_SERVER_ERROR,
              result.type());
    };
  }

  private static List<WeightedToken> tokens(TextResult result) {
    return result.list("tokens").stream()
        .map(entry -> (List<?>) entry)
        .map(pair -> new WeightedToken((String) pair.get(0), ((Number) pair.get(1)).floatValue()))
        .toList();
  }

  private static List<TopClassEntry> classes(TextResult result) {
    return result.list("classes").stream()
        .map(entry -> (List<?>) entry)
        .map(pair -> new TopClassEntry(pair.get(0), ((Number) pair.get(1)).doubleValue()))
        .toList();
  }

  private InferenceResults classification(TextResult result) {
    List<TopClassEntry> classes = classes(result);
    TopClassEntry best = classes.get(0);
    List<TopClassEntry> shown = classes;
    if (config instanceof TextClassificationConfig classification) {
      int wanted = classification.getNumTopClasses();
      // A negative number asks for all of them.
      shown = wanted < 0 ? classes : classes.subList(0, Math.min(wanted, classes.size()));
    }
    return new NlpClassificationInferenceResults(
        best.getClassification().toString(),
        shown,
        field,
        best.getProbability(),
        result.truncated());
  }

  private InferenceResults fillMask(TextResult result) {
    List<TopClassEntry> classes = classes(result);
    TopClassEntry best = classes.get(0);
    int wanted = config instanceof FillMaskConfig mask ? mask.getNumTopClasses() : 0;
    return new FillMaskResults(
        best.getClassification().toString(),
        result.text("sequence"),
        classes.subList(0, Math.max(0, Math.min(wanted, classes.size()))),
        field,
        best.getProbability(),
        result.truncated());
  }

  private static List<NerResults.EntityGroup> entities(TextResult result) {
    return result.list("entities").stream()
        .map(entry -> (Map<?, ?>) entry)
        .map(
            entity ->
                new NerResults.EntityGroup(
                    (String) entity.get("entity"),
                    (String) entity.get("class_name"),
                    ((Number) entity.get("class_probability")).doubleValue(),
                    ((Number) entity.get("start_pos")).intValue(),
                    ((Number) entity.get("end_pos")).intValue()))
        .toList();
  }

  private InferenceResults answer(TextResult result) {
    boolean showTop =
        config instanceof QuestionAnsweringConfig asked && asked.getNumTopClasses() > 0;
    List<TopAnswerEntry> top =
        result.list("top").stream()
            .map(entry -> (Map<?, ?>) entry)
            .map(
                entry ->
                    new TopAnswerEntry(
                        (String) entry.get("answer"),
                        ((Number) entry.get("score")).doubleValue(),
                        ((Number) entry.get("start_offset")).intValue(),
                        ((Number) entry.get("end_offset")).intValue()))
            .toList();
    return new QuestionAnsweringInferenceResults(
        result.text("answer"),
        result.whole("start_offset"),
        result.whole("end_offset"),
        showTop ? top : List.of(),
        field,
        result.number("prediction_probability"),
        result.truncated());
  }

  private static double[][] tensor(TextResult result) {
    return result.list("tensor").stream()
        .map(
            row ->
                ((List<?>) row)
                    .stream().mapToDouble(value -> ((Number) value).doubleValue()).toArray())
        .toArray(double[][]::new);
  }
}

package esrag.oracle;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.inference.WeightedToken;
import org.elasticsearch.xpack.core.inference.results.ChatCompletionResults;
import org.elasticsearch.xpack.core.inference.results.DenseEmbeddingFloatResults;
import org.elasticsearch.xpack.core.inference.results.EmbeddingFloatResults;
import org.elasticsearch.xpack.core.inference.results.RankedDocsResults;
import org.elasticsearch.xpack.core.inference.results.SparseEmbeddingResults;
import org.elasticsearch.xpack.core.ml.action.InferModelAction;
import org.elasticsearch.xpack.core.ml.inference.results.FillMaskResults;
import org.elasticsearch.xpack.core.ml.inference.results.MlDenseEmbeddingResults;
import org.elasticsearch.xpack.core.ml.inference.results.NerResults;
import org.elasticsearch.xpack.core.ml.inference.results.NlpClassificationInferenceResults;
import org.elasticsearch.xpack.core.ml.inference.results.PyTorchPassThroughResults;
import org.elasticsearch.xpack.core.ml.inference.results.QuestionAnsweringInferenceResults;
import org.elasticsearch.xpack.core.ml.inference.results.TextExpansionResults;
import org.elasticsearch.xpack.core.ml.inference.results.TextSimilarityInferenceResults;
import org.elasticsearch.xpack.core.ml.inference.results.TopClassEntry;

/** Writes the answers of {@code _infer} and {@code _inference} for given values. */
final class Results {
  private Results() {}

  /**
   * The answer's text.
   *
   * @param args {@code task} and {@code results}, objects with the values of one input each
   */
  static Map<String, Object> answer(Map<String, Object> args) throws IOException {
    String task = (String) args.get("task");
    List<Values> all = new Values(args).list("results");
    String text =
        switch (task) {
          case "dense" -> Json.body(new DenseEmbeddingFloatResults(map(all, Results::dense)));
          case "sparse" -> Json.body(new SparseEmbeddingResults(map(all, Results::sparse)));
          case "rerank" -> Json.body(new RankedDocsResults(map(all, Results::ranked)));
          case "completion" ->
              Json.body(
                  new ChatCompletionResults(
                      map(all, v -> new ChatCompletionResults.Result(v.text("result")))));
          default ->
              Json.text(
                  new InferModelAction.Response(map(all, v -> result(task, v)), "model", true));
        };
    return Map.of("accepted", text);
  }

  private static InferenceResults result(String task, Values v) {
    String field = v.textOr("results_field", "predicted_value");
    boolean cut = v.truth("is_truncated");
    return switch (task) {
      case "text_embedding" -> new MlDenseEmbeddingResults(field, v.numbers("values"), cut);
      case "text_similarity" -> new TextSimilarityInferenceResults(field, v.number("value"), cut);
      case "text_expansion" -> new TextExpansionResults(field, tokens(v), cut);
      case "text_classification", "zero_shot_classification" ->
          new NlpClassificationInferenceResults(
              v.text("label"), classes(v), field, v.number("probability"), cut);
      case "fill_mask" ->
          new FillMaskResults(
              v.text("label"), v.text("sequence"), classes(v), field, v.number("probability"), cut);
      case "ner" ->
          new NerResults(field, v.text("annotated"), map(v.list("entities"), Results::entity), cut);
      case "question_answering" ->
          new QuestionAnsweringInferenceResults(
              v.text("answer"),
              v.whole("start_offset"),
              v.whole("end_offset"),
              map(v.list("top"), Results::answerEntry),
              field,
              v.number("probability"),
              cut);
      case "pass_through" -> new PyTorchPassThroughResults(field, v.matrix("tensor"), cut);
      default -> throw new IllegalArgumentException("unknown task " + task);
    };
  }

  private static EmbeddingFloatResults.Embedding dense(Values v) {
    double[] numbers = v.numbers("values");
    float[] vector = new float[numbers.length];
    for (int i = 0; i < vector.length; i++) {
      vector[i] = (float) numbers[i];
    }
    return new EmbeddingFloatResults.Embedding(vector);
  }

  private static SparseEmbeddingResults.Embedding sparse(Values v) {
    return SparseEmbeddingResults.Embedding.create(tokens(v), v.truth("is_truncated"));
  }

  private static RankedDocsResults.RankedDoc ranked(Values v) {
    return new RankedDocsResults.RankedDoc(
        v.whole("index"), (float) v.number("score"), v.textOr("text", null));
  }

  private static List<WeightedToken> tokens(Values v) {
    return map(
        v.list("tokens"),
        token -> new WeightedToken(token.text("token"), (float) token.number("weight")));
  }

  private static List<TopClassEntry> classes(Values v) {
    return map(
        v.list("classes"),
        entry -> new TopClassEntry(entry.text("name"), entry.number("probability")));
  }

  private static NerResults.EntityGroup entity(Values v) {
    return new NerResults.EntityGroup(
        v.text("entity"),
        v.text("class_name"),
        v.number("class_probability"),
        v.whole("start_pos"),
        v.whole("end_pos"));
  }

  private static QuestionAnsweringInferenceResults.TopAnswerEntry answerEntry(Values v) {
    return new QuestionAnsweringInferenceResults.TopAnswerEntry(
        v.text("answer"), v.number("score"), v.whole("start_offset"), v.whole("end_offset"));
  }

  private static <T> List<T> map(List<Values> all, java.util.function.Function<Values, T> one) {
    return new ArrayList<>(all.stream().map(one).toList());
  }
}

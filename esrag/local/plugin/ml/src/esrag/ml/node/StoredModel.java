package esrag.ml.node;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;

/**
 * A trained model as the ML node process keeps it; on a cluster this is the config document, the
 * definition documents and the vocabulary document in {@code .ml-inference-*}.
 *
 * @param modelId the model's id
 * @param config the config as it was put, opaque to the ML node process
 * @param parts the numbers of the definition parts that have come
 * @param definitionLength the length of the whole definition in bytes, as its parts tell it
 * @param complete whether all parts are there and their lengths add up
 * @param hasVocabulary whether the vocabulary has come
 */
public record StoredModel(
    String modelId,
    Map<String, Object> config,
    Set<Integer> parts,
    long definitionLength,
    boolean complete,
    boolean hasVocabulary) {

  static StoredModel of(Map<String, Object> map) {
    Map<String, Object> definition = Json.object(map, "definition");
    return new StoredModel(
        Json.text(map, "model_id"),
        Json.object(map, "config"),
        numbers(definition.get("parts")),
        Json.number(definition, "total_length", 0),
        Json.flag(definition, "complete"),
        Json.flag(map, "has_vocabulary"));
  }

  private static Set<Integer> numbers(Object list) {
    Set<Integer> numbers = new HashSet<>();
    if (list instanceof List<?> entries) {
      entries.forEach(entry -> numbers.add(((Number) entry).intValue()));
    }
    return numbers;
  }

  /** The tags that the model was given. */
  public List<String> tags() {
    return config.get(TrainedModelConfig.TAGS.getPreferredName()) instanceof List<?> tags
        ? tags.stream().map(Object::toString).toList()
        : List.of();
  }

  /** The config as x-pack-core's own class, read by its own parser. */
  public TrainedModelConfig.Builder parse(NamedXContentRegistry registry) {
    XContentParserConfiguration configuration =
        XContentParserConfiguration.EMPTY.withRegistry(registry);
    try (XContentParser parser = XContentHelper.mapToXContentParser(configuration, config)) {
      return TrainedModelConfig.fromXContent(parser, true).setModelId(modelId);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

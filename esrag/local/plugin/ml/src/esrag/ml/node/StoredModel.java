package esrag.ml.node;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
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
 * @param partsStored how many definition parts have come
 * @param definitionLength the stored length of the definition in bytes
 * @param complete whether all parts are there and their lengths add up
 * @param hasVocabulary whether the vocabulary has come
 */
public record StoredModel(
    String modelId,
    Map<String, Object> config,
    int partsStored,
    long definitionLength,
    boolean complete,
    boolean hasVocabulary) {

  static StoredModel of(Map<String, Object> map) {
    Map<String, Object> definition = Json.object(map, "definition");
    return new StoredModel(
        Json.text(map, "model_id"),
        Json.object(map, "config"),
        (int) Json.number(definition, "parts_stored", 0),
        Json.number(definition, "stored_length", 0),
        Json.flag(definition, "complete"),
        Json.flag(map, "has_vocabulary"));
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

package esrag.ml.ingest;

import esrag.ml.licence.Licences;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.common.util.concurrent.ThreadContext;
import org.elasticsearch.ingest.ConfigurationUtils;
import org.elasticsearch.ingest.Processor;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.EmptyConfigUpdate;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.InferenceConfigUpdate;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/** Reads the options of an inference processor out of a pipeline. */
public final class InferenceProcessorFactory implements Processor.Factory {
  public static final String TYPE = InferenceProcessor.TYPE;
  private static final String TARGET_FIELD = "target_field";
  private static final String FIELD_MAP = "field_map";
  private static final String INPUT_OUTPUT = "input_output";
  private static final String INFERENCE_CONFIG = "inference_config";

  /** What the server has only once all plugins are there, but before the first pipeline. */
  public record Late(TextInference inference, NamedXContentRegistry registry) {}

  private final Supplier<Late> late;
  private final Licences licences;
  private final ThreadContext threadContext;

  public InferenceProcessorFactory(
      Supplier<Late> late, Licences licences, ThreadContext threadContext) {
    this.late = late;
    this.licences = licences;
    this.threadContext = threadContext;
  }

  @Override
  public Processor create(
      Map<String, Processor.Factory> factories,
      String tag,
      String description,
      Map<String, Object> options,
      ProjectId project)
      throws IOException {
    String modelId = ConfigurationUtils.readStringProperty(TYPE, tag, options, "model_id");
    InferenceConfigUpdate update =
        update(ConfigurationUtils.readOptionalMap(TYPE, tag, options, INFERENCE_CONFIG));
    List<InputOutput> fields = fields(tag, options);
    Inputs inputs;
    boolean ignoreMissing =
        ConfigurationUtils.readBooleanProperty(TYPE, tag, options, "ignore_missing", false);
    if (fields == null) {
      inputs = document(tag, options);
    } else {
      refuseTogether(tag, options);
      inputs = new FieldInputs(fields, ignoreMissing);
    }
    return new InferenceProcessor(
        tag,
        description,
        new InferenceProcessor.Settings(modelId, inputs, update),
        new InferenceProcessor.Tools(late.get().inference(), licences, threadContext));
  }

  private static Inputs document(String tag, Map<String, Object> options) {
    String standard = tag == null ? "ml.inference" : "ml.inference." + tag;
    String target =
        ConfigurationUtils.readStringProperty(TYPE, tag, options, TARGET_FIELD, standard);
    Map<String, String> fieldMap =
        ConfigurationUtils.readOptionalMap(TYPE, tag, options, FIELD_MAP);
    return new DocumentInput(fieldMap == null ? Map.of() : Map.copyOf(fieldMap), target);
  }

  private static void refuseTogether(String tag, Map<String, Object> options) {
    if (options.containsKey(TARGET_FIELD)) {
      throw ConfigurationUtils.newConfigurationException(
          TYPE,
          tag,
          TARGET_FIELD,
          "option is incompatible with [input_output]. Use the [output_field] option to specify"
              + " where to write the inference results to.");
    }
    if (options.containsKey(FIELD_MAP)) {
      throw ConfigurationUtils.newConfigurationException(
          TYPE,
          tag,
          FIELD_MAP,
          "option is incompatible with [input_output]. Use the [input_field] option to specify the"
              + " document field names.");
    }
  }

  private static List<InputOutput> fields(String tag, Map<String, Object> options) {
    Object value = options.remove(INPUT_OUTPUT);
    if (value == null) {
      return null;
    }
    List<?> entries = value instanceof List<?> list ? list : List.of(value);
    if (entries.isEmpty()) {
      throw ConfigurationUtils.newConfigurationException(
          TYPE, tag, INPUT_OUTPUT, "property cannot be empty at least one is required");
    }
    List<InputOutput> fields = new ArrayList<>();
    for (Object entry : entries) {
      fields.add(field(tag, entry));
    }
    return List.copyOf(fields);
  }

  @SuppressWarnings("unchecked")
  private static InputOutput field(String tag, Object entry) {
    if (entry instanceof Map<?, ?> == false) {
      throw ConfigurationUtils.newConfigurationException(
          TYPE, tag, INPUT_OUTPUT, "property isn't a list of maps");
    }
    Map<String, Object> map = (Map<String, Object>) entry;
    String input = ConfigurationUtils.readStringProperty(TYPE, tag, map, "input_field");
    String output = ConfigurationUtils.readStringProperty(TYPE, tag, map, "output_field");
    if (map.isEmpty() == false) {
      throw ConfigurationUtils.newConfigurationException(
          TYPE, tag, INPUT_OUTPUT, "doesn't support one or more provided fields " + map.keySet());
    }
    return new InputOutput(input, output);
  }

  private static InferenceConfigUpdate update(Map<String, Object> map) {
    if (map == null) {
      return EmptyConfigUpdate.INSTANCE;
    }
    Object options = map.size() == 1 ? map.values().iterator().next() : null;
    if (options instanceof Map<?, ?> == false) {
      throw ExceptionsHelper.badRequestException(
          "{} must be an object with one inference type mapped to an object.", INFERENCE_CONFIG);
    }
    return TaskUpdates.read(map.keySet().iterator().next(), (Map<?, ?>) options);
  }
}

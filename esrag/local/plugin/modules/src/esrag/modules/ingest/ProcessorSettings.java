package esrag.modules.ingest;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.ElasticsearchException;
import org.elasticsearch.ingest.ConfigurationUtils;
import org.elasticsearch.ingest.ValueSource;
import org.elasticsearch.script.Script;
import org.elasticsearch.script.ScriptService;
import org.elasticsearch.script.TemplateScript;
import org.elasticsearch.xcontent.XContentType;

/**
 * One processor's entry in a pipeline, read by the core's own {@link ConfigurationUtils}.
 *
 * <p>Reading a property takes it out; what is left over the core reports as unknown.
 */
record ProcessorSettings(
    String type, String tag, Map<String, Object> config, ScriptService scripts) {

  String text(String key) {
    return ConfigurationUtils.readStringProperty(type, tag, config, key);
  }

  String text(String key, String fallback) {
    return ConfigurationUtils.readStringProperty(type, tag, config, key, fallback);
  }

  String optionalText(String key) {
    return ConfigurationUtils.readOptionalStringProperty(type, tag, config, key);
  }

  boolean flag(String key, boolean fallback) {
    return ConfigurationUtils.readBooleanProperty(type, tag, config, key, fallback);
  }

  /** A string that may hold mustache tags over the document. */
  TemplateScript.Factory template(String key) {
    return ConfigurationUtils.readTemplateProperty(type, tag, config, key, scripts);
  }

  /** A string that may hold mustache tags; null when absent. */
  TemplateScript.Factory optionalTemplate(String key) {
    String text = optionalText(key);
    return text == null ? null : ConfigurationUtils.compileTemplate(type, tag, key, text, scripts);
  }

  /** A list that has to be there. */
  List<String> list(String key) {
    return ConfigurationUtils.readList(type, tag, config, key);
  }

  /** A list as a set; null when absent. */
  Set<String> optionalSet(String key) {
    List<String> list = ConfigurationUtils.readOptionalList(type, tag, config, key);
    return list == null ? null : Set.copyOf(list);
  }

  /** An object of strings; empty when absent. */
  Map<String, String> texts(String key) {
    Map<String, String> map = ConfigurationUtils.readOptionalMap(type, tag, config, key);
    return map == null ? Map.of() : map;
  }

  /** Any value that has to be there. */
  Object object(String key) {
    return ConfigurationUtils.readObject(type, tag, config, key);
  }

  boolean has(String key) {
    return config.containsKey(key);
  }

  /** One character, as delimiters are given. */
  char character(String key, char fallback, String reason) {
    String given = text(key, String.valueOf(fallback));
    if (given.length() != 1) {
      throw invalid(key, reason);
    }
    return given.charAt(0);
  }

  /** One string or a list of them, each of which may hold mustache tags; empty when absent. */
  List<TemplateScript.Factory> templates(String key) {
    return ConfigurationUtils.readOptionalListOrString(type, tag, config, key).stream()
        .map(text -> ConfigurationUtils.compileTemplate(type, tag, key, text, scripts))
        .toList();
  }

  /**
   * The {@code value} that {@code set} and {@code append} write, or null where {@code copy_from}
   * names a field to take it from.
   */
  ValueSource value(String copyFrom) {
    String mediaType =
        ConfigurationUtils.readMediaTypeProperty(
            type, tag, config, "media_type", XContentType.JSON.mediaTypeWithoutParameters());
    if (copyFrom != null) {
      if (config.remove("value") != null) {
        throw invalid("copy_from", "cannot set both `copy_from` and `value` in the same processor");
      }
      return null;
    }
    Object value = ConfigurationUtils.readObject(type, tag, config, "value");
    return ValueSource.wrap(value, scripts, Map.of(Script.CONTENT_TYPE_OPTION, mediaType));
  }

  ElasticsearchException invalid(String property, String reason) {
    return ConfigurationUtils.newConfigurationException(type, tag, property, reason);
  }
}

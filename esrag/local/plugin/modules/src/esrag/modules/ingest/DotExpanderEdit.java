package esrag.modules.ingest;

import java.util.List;
import java.util.Map;
import org.elasticsearch.ElasticsearchException;
import org.elasticsearch.ingest.ConfigurationUtils;
import org.elasticsearch.ingest.IngestDocument;

/** The {@code dot_expander} processor: turns a field whose name has dots into objects. */
record DotExpanderEdit(String field, String path, boolean override) implements DocumentEdit {

  static DocumentEdit of(ProcessorSettings settings) {
    String field = settings.text("field");
    if (!field.contains(".") && !field.equals("*")) {
      throw invalid(settings, "field does not contain a dot and is not a wildcard");
    }
    if (field.startsWith(".") || field.endsWith(".")) {
      throw invalid(settings, "Field can't start or end with a dot");
    }
    if (field.contains("..")) {
      throw invalid(settings, "No space between dots");
    }
    return new DotExpanderEdit(
        field, settings.optionalText("path"), settings.flag("override", false));
  }

  /** The module reports these under the word for tags instead of the processor's type. */
  private static ElasticsearchException invalid(ProcessorSettings settings, String reason) {
    return ConfigurationUtils.newConfigurationException(
        ConfigurationUtils.TAG_KEY, settings.tag(), "field", reason);
  }

  @Override
  public void apply(IngestDocument document) {
    @SuppressWarnings("unchecked") // documents have string keys throughout
    Map<String, Object> holder =
        path == null ? document.getSourceAndMetadata() : document.getFieldValue(path, Map.class);
    if (!field.equals("*")) {
      expand(document, holder, field);
      return;
    }
    for (String name : List.copyOf(holder.keySet())) {
      if (name.indexOf('.') > 0) {
        expand(document, holder, name);
      }
    }
  }

  private void expand(IngestDocument document, Map<String, Object> holder, String name) {
    if (!holder.containsKey(name)) {
      return;
    }
    String whole = path == null ? name : path + "." + name;
    Object value = holder.remove(name);
    if (!document.hasField(whole)) {
      checkExpandable(document, whole);
      document.setFieldValue(whole, value);
    } else if (override) {
      document.setFieldValue(whole, value);
    } else {
      document.appendFieldValue(whole, value);
    }
  }

  /** Fails where a part of the path is a value, in clearer words than the core would. */
  private static void checkExpandable(IngestDocument document, String whole) {
    for (int dot = whole.indexOf('.'); dot != -1; dot = whole.indexOf('.', dot + 1)) {
      String part = whole.substring(0, dot);
      if (!document.hasField(part)) {
        return;
      }
      if (!(document.getFieldValue(part, Object.class) instanceof Map)) {
        throw new IllegalArgumentException(
            "cannot expand ["
                + whole
                + "], because ["
                + part
                + "] is not an object field, but a value field");
      }
    }
  }
}

package esrag.modules.ingest;

import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.script.TemplateScript;

/** The {@code rename} processor: moves a field, by default only to a place that is free. */
record RenameEdit(
    TemplateScript.Factory field,
    TemplateScript.Factory target,
    boolean ignoreMissing,
    boolean override)
    implements DocumentEdit {

  static DocumentEdit of(ProcessorSettings settings) {
    return new RenameEdit(
        settings.template("field"),
        settings.template("target_field"),
        settings.flag("ignore_missing", false),
        settings.flag("override", false));
  }

  @Override
  public void apply(IngestDocument document) {
    String from = document.renderTemplate(field);
    boolean present = !from.isEmpty() && document.hasField(from, true);
    if (!present) {
      if (ignoreMissing) {
        return;
      }
      throw new IllegalArgumentException(
          from.isEmpty()
              ? "field path cannot be null nor empty"
              : "field [" + from + "] doesn't exist");
    }
    String to = document.renderTemplate(target);
    if (!override && document.hasField(to, true)) {
      throw new IllegalArgumentException("field [" + to + "] already exists");
    }
    move(document, from, to);
  }

  /** Removes first, as the target may lie inside the source; puts back what cannot be moved. */
  private static void move(IngestDocument document, String from, String to) {
    Object value = document.getFieldValue(from, Object.class);
    document.removeField(from);
    try {
      document.setFieldValue(to, value);
    } catch (IllegalArgumentException e) {
      document.setFieldValue(from, value);
      throw e;
    }
  }
}

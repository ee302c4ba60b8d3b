package esrag.modules.ingest;

import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.ingest.ValueSource;
import org.elasticsearch.script.TemplateScript;

/** The {@code set} processor: writes a value, or a copy of another field, into a field. */
record SetEdit(
    TemplateScript.Factory field,
    ValueSource value,
    String copyFrom,
    boolean override,
    boolean ignoreEmpty)
    implements DocumentEdit {

  static DocumentEdit of(ProcessorSettings settings) {
    TemplateScript.Factory field = settings.template("field");
    String copyFrom = settings.optionalText("copy_from");
    ValueSource value = settings.value(copyFrom);
    return new SetEdit(
        field,
        value,
        copyFrom,
        settings.flag("override", true),
        settings.flag("ignore_empty_value", false));
  }

  @Override
  public void apply(IngestDocument document) {
    String path = document.renderTemplate(field);
    if (!override && hasValue(document, path)) {
      return;
    }
    if (copyFrom == null) {
      document.setFieldValue(path, value, ignoreEmpty);
    } else {
      Object source = document.getFieldValue(copyFrom, Object.class, ignoreEmpty);
      document.setFieldValue(path, IngestDocument.deepCopy(source), ignoreEmpty);
    }
  }

  private static boolean hasValue(IngestDocument document, String path) {
    return document.hasField(path, true) && document.getFieldValue(path, Object.class) != null;
  }
}

package esrag.modules.ingest;

import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.ingest.ValueSource;
import org.elasticsearch.script.TemplateScript;

/** The {@code append} processor: adds values to a list, making a list of what is not one yet. */
record AppendEdit(
    TemplateScript.Factory field,
    ValueSource value,
    String copyFrom,
    boolean allowDuplicates,
    boolean ignoreEmpty)
    implements DocumentEdit {

  static DocumentEdit of(ProcessorSettings settings) {
    TemplateScript.Factory field = settings.template("field");
    String copyFrom = settings.optionalText("copy_from");
    ValueSource value = settings.value(copyFrom);
    return new AppendEdit(
        field,
        value,
        copyFrom,
        settings.flag("allow_duplicates", true),
        settings.flag("ignore_empty_values", false));
  }

  @Override
  public void apply(IngestDocument document) {
    String path = document.renderTemplate(field);
    if (copyFrom == null) {
      document.appendFieldValue(path, value, allowDuplicates, ignoreEmpty);
    } else {
      Object source = document.getFieldValue(copyFrom, Object.class, ignoreEmpty);
      document.appendFieldValue(
          path, IngestDocument.deepCopy(source), allowDuplicates, ignoreEmpty);
    }
  }
}

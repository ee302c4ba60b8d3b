package esrag.modules.ingest;

import java.util.List;
import org.elasticsearch.ingest.IngestDocument;

/** The {@code csv} processor: puts the columns of one line into fields. */
record CsvEdit(RequiredField field, List<String> targets, CsvDialect dialect, Object emptyValue)
    implements DocumentEdit {

  static DocumentEdit of(ProcessorSettings settings) {
    String field = settings.text("field");
    char quote = settings.character("quote", '"', "quote has to be single character like \" or '");
    char separator =
        settings.character("separator", ',', "separator has to be single character like , or ;");
    boolean trim = settings.flag("trim", false);
    Object emptyValue = settings.has("empty_value") ? settings.object("empty_value") : null;
    boolean ignoreMissing = settings.flag("ignore_missing", false);
    List<String> targets = settings.list("target_fields");
    if (targets.isEmpty()) {
      throw settings.invalid("target_fields", "target fields list can't be empty");
    }
    return new CsvEdit(
        new RequiredField(field, ignoreMissing),
        targets,
        new CsvDialect(quote, separator, trim),
        emptyValue);
  }

  /** A column without a value gets the chosen one, or no field at all. */
  @Override
  public void apply(IngestDocument document) {
    String line = field.read(document, String.class, "cannot process it.");
    if (line == null) {
      return;
    }
    new CsvLine(line, dialect)
        .read(
            targets.size(),
            (column, value) -> {
              Object written = value.isEmpty() ? emptyValue : value;
              if (written != null) {
                document.setFieldValue(targets.get(column), written);
              }
            });
  }
}

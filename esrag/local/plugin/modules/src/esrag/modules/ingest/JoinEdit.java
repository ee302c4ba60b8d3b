package esrag.modules.ingest;

import java.util.List;
import java.util.stream.Collectors;
import org.elasticsearch.ingest.IngestDocument;

/** The {@code join} processor: makes a string of a list. */
record JoinEdit(RequiredField field, String target, String separator) implements DocumentEdit {

  static DocumentEdit of(ProcessorSettings settings) {
    RequiredField field = new RequiredField(settings.text("field"), false);
    return new JoinEdit(
        field, settings.text("target_field", field.path()), settings.text("separator"));
  }

  @Override
  public void apply(IngestDocument document) {
    List<?> list = field.read(document, List.class, "cannot join.");
    document.setFieldValue(
        target, list.stream().map(Object::toString).collect(Collectors.joining(separator)));
  }
}

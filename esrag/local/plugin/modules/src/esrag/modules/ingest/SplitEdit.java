package esrag.modules.ingest;

import java.util.ArrayList;
import java.util.Arrays;
import org.elasticsearch.ingest.IngestDocument;

/** The {@code split} processor: makes a list of a string, cut where an expression matches. */
record SplitEdit(RequiredField field, String target, String separator, boolean keepTrailing)
    implements DocumentEdit {

  static DocumentEdit of(ProcessorSettings settings) {
    RequiredField field = RequiredField.of(settings);
    return new SplitEdit(
        field,
        settings.text("target_field", field.path()),
        settings.text("separator"),
        settings.flag("preserve_trailing", false));
  }

  @Override
  public void apply(IngestDocument document) {
    String text = field.read(document, String.class, "cannot split.");
    if (text != null) {
      String[] parts = text.split(separator, keepTrailing ? -1 : 0);
      document.setFieldValue(target, new ArrayList<>(Arrays.asList(parts)));
    }
  }
}

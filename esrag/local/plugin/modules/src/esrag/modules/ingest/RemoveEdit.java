package esrag.modules.ingest;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.script.TemplateScript;

/** The {@code remove} processor: removes the named fields, or all but those to keep. */
record RemoveEdit(
    List<TemplateScript.Factory> fields, List<TemplateScript.Factory> kept, boolean ignoreMissing)
    implements DocumentEdit {

  static DocumentEdit of(ProcessorSettings settings) {
    List<TemplateScript.Factory> fields = settings.templates("field");
    List<TemplateScript.Factory> kept = settings.templates("keep");
    if (fields.isEmpty() && kept.isEmpty()) {
      throw settings.invalid("keep", "or [field] must be specified");
    }
    if (!fields.isEmpty() && !kept.isEmpty()) {
      throw settings.invalid("keep", "and [field] cannot both be used in the same processor");
    }
    return new RemoveEdit(fields, kept, settings.flag("ignore_missing", false));
  }

  @Override
  public void apply(IngestDocument document) {
    if (kept.isEmpty()) {
      removeNamed(document);
    } else {
      removeOthers(document);
    }
  }

  private void removeNamed(IngestDocument document) {
    for (TemplateScript.Factory field : fields) {
      document.removeField(document.renderTemplate(field), ignoreMissing);
    }
  }

  private void removeOthers(IngestDocument document) {
    Set<String> paths =
        kept.stream().map(document::renderTemplate).collect(Collectors.toUnmodifiableSet());
    for (String field : IngestDocument.getAllFields(document.getSource())) {
      if (paths.stream().noneMatch(path -> related(path, field)) && document.hasField(field)) {
        document.removeField(field);
      }
    }
  }

  /** Keeping a field keeps the objects around it and all that is inside it. */
  private static boolean related(String path, String field) {
    return path.equals(field) || path.startsWith(field + ".") || field.startsWith(path + ".");
  }
}

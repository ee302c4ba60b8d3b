package esrag.modules.ingest;

import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.script.TemplateScript;

/** The {@code fail} processor: fails the document with a message of the pipeline's author. */
record FailEdit(TemplateScript.Factory message) implements DocumentEdit {

  static DocumentEdit of(ProcessorSettings settings) {
    return new FailEdit(settings.template("message"));
  }

  @Override
  public void apply(IngestDocument document) {
    throw new FailProcessorException(document.renderTemplate(message));
  }
}

package esrag.modules.ingest;

import org.elasticsearch.ingest.AbstractProcessor;
import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.ingest.Processor;
import org.elasticsearch.script.ScriptService;

/** A processor that edits a document at once. */
final class EditingProcessor extends AbstractProcessor {
  private final String type;
  private final DocumentEdit edit;

  private EditingProcessor(String type, String tag, String description, DocumentEdit edit) {
    super(tag, description);
    this.type = type;
    this.edit = edit;
  }

  static Processor.Factory factory(String type, ScriptService scripts, DocumentEdit.Maker maker) {
    return (registry, tag, description, config, project) ->
        new EditingProcessor(
            type, tag, description, maker.make(new ProcessorSettings(type, tag, config, scripts)));
  }

  @Override
  public IngestDocument execute(IngestDocument document) throws Exception {
    edit.apply(document);
    return document;
  }

  @Override
  public String getType() {
    return type;
  }
}

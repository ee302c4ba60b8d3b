package esrag.modules.ingest;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.elasticsearch.ingest.DropProcessor;
import org.elasticsearch.ingest.PipelineProcessor;
import org.elasticsearch.ingest.Processor;

/**
 * All ingest processors of the plugin, standing for those of the ingest-common module that a
 * retrieval pipeline uses. {@code drop} and {@code pipeline} are the core's own classes, which it
 * does not register itself. Conditions ({@code if}) need painless, which is absent: the core
 * refuses them.
 */
public final class Processors {
  private Processors() {}

  /** Factories by processor type, as the ingest service takes them. */
  public static Map<String, Processor.Factory> all(Processor.Parameters parameters) {
    Map<String, Processor.Factory> all = new HashMap<>();
    Map<String, DocumentEdit.Maker> edits =
        Map.of(
            "set", SetEdit::of,
            "append", AppendEdit::of,
            "remove", RemoveEdit::of,
            "rename", RenameEdit::of,
            "fail", FailEdit::of,
            "lowercase", settings -> TextEdit.of(settings, s -> s.toLowerCase(Locale.ROOT)),
            "uppercase", settings -> TextEdit.of(settings, s -> s.toUpperCase(Locale.ROOT)),
            "trim", settings -> TextEdit.of(settings, String::trim));
    edits.forEach(
        (type, maker) ->
            all.put(type, EditingProcessor.factory(type, parameters.scriptService, maker)));
    all.put(ForeachProcessor.TYPE, ForeachProcessor.factory(parameters.scriptService));
    all.put(DropProcessor.TYPE, new DropProcessor.Factory());
    all.put(PipelineProcessor.TYPE, new PipelineProcessor.Factory(parameters.ingestService));
    return Map.copyOf(all);
  }
}

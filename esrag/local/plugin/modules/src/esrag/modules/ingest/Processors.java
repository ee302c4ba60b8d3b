package esrag.modules.ingest;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.elasticsearch.ingest.DropProcessor;
import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.ingest.PipelineProcessor;
import org.elasticsearch.ingest.Processor;

/**
 * All ingest processors of the plugin, standing for those of the ingest-common module. {@code drop}
 * and {@code pipeline} are the core's own classes, which it does not register itself. Conditions
 * ({@code if}) and the {@code script} processor need painless, which is absent: the core refuses
 * them.
 */
public final class Processors {
  private Processors() {}

  /** Factories by processor type, as the ingest service takes them. */
  public static Map<String, Processor.Factory> all(Processor.Parameters parameters) {
    Map<String, DocumentEdit.Maker> edits = new HashMap<>();
    addFieldEdits(edits);
    addTextEdits(edits);
    addReaders(edits);
    edits.put("grok", GrokEdit.maker(parameters.matcherWatchdog));
    Map<String, Processor.Factory> all = new HashMap<>();
    edits.forEach(
        (type, maker) ->
            all.put(type, EditingProcessor.factory(type, parameters.scriptService, maker)));
    all.put(ForeachProcessor.TYPE, ForeachProcessor.factory(parameters.scriptService));
    all.put(DropProcessor.TYPE, new DropProcessor.Factory());
    all.put(PipelineProcessor.TYPE, new PipelineProcessor.Factory(parameters.ingestService));
    return Map.copyOf(all);
  }

  /** What sets, moves, removes or ends. */
  private static void addFieldEdits(Map<String, DocumentEdit.Maker> edits) {
    edits.put("set", SetEdit::of);
    edits.put("append", AppendEdit::of);
    edits.put("remove", RemoveEdit::of);
    edits.put("rename", RenameEdit::of);
    edits.put("fail", FailEdit::of);
    edits.put("terminate", settings -> IngestDocument::terminate);
    edits.put("sort", SortEdit::of);
    edits.put("dot_expander", DotExpanderEdit::of);
    edits.put("fingerprint", FingerprintEdit::of);
  }

  /** What makes one value of one string. */
  private static void addTextEdits(Map<String, DocumentEdit.Maker> edits) {
    edits.put("lowercase", settings -> TextEdit.of(settings, s -> s.toLowerCase(Locale.ROOT)));
    edits.put("uppercase", settings -> TextEdit.of(settings, s -> s.toUpperCase(Locale.ROOT)));
    edits.put("trim", settings -> TextEdit.of(settings, String::trim));
    edits.put("gsub", TextOperations::gsub);
    edits.put("html_strip", TextOperations::htmlStrip);
    edits.put("bytes", TextOperations::bytes);
    edits.put("urldecode", TextOperations::urlDecode);
  }

  /** What reads a value as something else, or as several. */
  private static void addReaders(Map<String, DocumentEdit.Maker> edits) {
    edits.put("convert", ConvertEdit::of);
    edits.put("date", DateEdit::of);
    edits.put("split", SplitEdit::of);
    edits.put("join", JoinEdit::of);
    edits.put("json", JsonEdit::of);
    edits.put("csv", CsvEdit::of);
    edits.put("kv", KeyValueEdit::of);
  }
}

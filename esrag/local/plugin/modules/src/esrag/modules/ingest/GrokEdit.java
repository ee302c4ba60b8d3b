package esrag.modules.ingest;

import java.util.List;
import java.util.Map;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.elasticsearch.grok.Grok;
import org.elasticsearch.grok.GrokBuiltinPatterns;
import org.elasticsearch.grok.MatcherWatchdog;
import org.elasticsearch.grok.PatternBank;
import org.elasticsearch.ingest.IngestDocument;

/** The {@code grok} processor: the server's own grok library, with its patterns, on a field. */
record GrokEdit(RequiredField field, Grok grok, int patterns, boolean traceMatch)
    implements DocumentEdit {
  private static final Logger LOGGER = LogManager.getLogger(GrokEdit.class);
  private static final String TRACE = "_ingest._grok_match_index";

  /** Makes grok processors whose matching is stopped by a watchdog where it takes too long. */
  static DocumentEdit.Maker maker(MatcherWatchdog watchdog) {
    return settings -> of(settings, watchdog);
  }

  private static DocumentEdit of(ProcessorSettings settings, MatcherWatchdog watchdog) {
    String field = settings.text("field");
    List<String> patterns = settings.list("patterns");
    boolean traceMatch = settings.flag("trace_match", false);
    boolean ignoreMissing = settings.flag("ignore_missing", false);
    String mode =
        settings.text("ecs_compatibility", GrokBuiltinPatterns.ECS_COMPATIBILITY_DISABLED);
    if (!GrokBuiltinPatterns.isValidEcsCompatibilityMode(mode)) {
      throw settings.invalid("ecs_compatibility", "unsupported mode '" + mode + "'");
    }
    if (patterns.isEmpty()) {
      throw settings.invalid("patterns", "List of patterns must not be empty");
    }
    Map<String, String> own = settings.texts("pattern_definitions");
    try {
      PatternBank bank = GrokBuiltinPatterns.get(mode).extendWith(own);
      String combined = Grok.combinePatterns(patterns, traceMatch ? TRACE : null);
      Grok grok = new Grok(bank, combined, watchdog, LOGGER::debug);
      grok.match("___nomatch___"); // the library finds some mistakes only when it matches
      return new GrokEdit(
          new RequiredField(field, ignoreMissing), grok, patterns.size(), traceMatch);
    } catch (RuntimeException e) { // the library and its regular expressions name no common type
      throw settings.invalid(
          "patterns", "Invalid regex pattern found in: " + patterns + ". " + e.getMessage());
    }
  }

  @Override
  public void apply(IngestDocument document) {
    String text = field.read(document, String.class, "cannot process it.");
    if (text == null) {
      return;
    }
    Map<String, Object> captures = grok.captures(text);
    if (captures == null) {
      throw new IllegalArgumentException(
          "Provided Grok expressions do not match field value: [" + text + "]");
    }
    captures.forEach(document::setFieldValue);
    if (traceMatch) {
      document.setFieldValue(TRACE, patterns > 1 ? matched(document) : "0");
    }
  }

  /** The library captures under the index of the pattern that matched. */
  private static Object matched(IngestDocument document) {
    return document.getFieldValue(TRACE, Map.class).keySet().iterator().next();
  }
}

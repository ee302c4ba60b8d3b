package esrag.modules.ingest;

import java.util.Map;
import java.util.function.BiConsumer;
import org.elasticsearch.ingest.AbstractProcessor;
import org.elasticsearch.ingest.ConfigurationUtils;
import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.ingest.Processor;
import org.elasticsearch.ingest.WrappingProcessor;
import org.elasticsearch.script.ScriptService;

/** The {@code foreach} processor: runs another processor on each element of a list or object. */
final class ForeachProcessor extends AbstractProcessor implements WrappingProcessor {
  static final String TYPE = "foreach";

  private final String field;
  private final Processor inner;
  private final boolean ignoreMissing;

  private ForeachProcessor(
      String tag, String description, String field, Processor inner, boolean ignoreMissing) {
    super(tag, description);
    this.field = field;
    this.inner = inner;
    this.ignoreMissing = ignoreMissing;
  }

  static Processor.Factory factory(ScriptService scripts) {
    return (registry, tag, description, config, project) -> {
      String field = ConfigurationUtils.readStringProperty(TYPE, tag, config, "field");
      boolean ignoreMissing =
          ConfigurationUtils.readBooleanProperty(TYPE, tag, config, "ignore_missing", false);
      Map<String, Map<String, Object>> given =
          ConfigurationUtils.readMap(TYPE, tag, config, "processor");
      if (given.size() != 1) {
        throw ConfigurationUtils.newConfigurationException(
            TYPE, tag, "processor", "Must specify exactly one processor type");
      }
      Map.Entry<String, Map<String, Object>> entry = given.entrySet().iterator().next();
      Processor inner =
          ConfigurationUtils.readProcessor(
              registry, scripts, entry.getKey(), entry.getValue(), project);
      return new ForeachProcessor(tag, description, field, inner, ignoreMissing);
    };
  }

  @Override
  public void execute(IngestDocument document, BiConsumer<IngestDocument, Exception> handler) {
    ForeachRun run;
    try {
      Object value = document.getFieldValue(field, Object.class, ignoreMissing);
      if (value == null && ignoreMissing) {
        handler.accept(document, null);
        return;
      }
      run = new ForeachRun(field, value, inner, document, handler);
    } catch (IllegalArgumentException e) {
      handler.accept(null, e);
      return;
    }
    run.start();
  }

  /** The core calls only asynchronous processors with a handler, whatever the inner one is. */
  @Override
  public boolean isAsync() {
    return true;
  }

  @Override
  public Processor getInnerProcessor() {
    return inner;
  }

  @Override
  public String getType() {
    return TYPE;
  }
}

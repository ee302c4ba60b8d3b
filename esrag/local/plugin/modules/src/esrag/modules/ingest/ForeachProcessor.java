package esrag.modules.ingest;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.elasticsearch.ingest.AbstractProcessor;
import org.elasticsearch.ingest.ConfigurationUtils;
import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.ingest.Processor;
import org.elasticsearch.ingest.WrappingProcessor;
import org.elasticsearch.script.ScriptService;

/**
 * The {@code foreach} processor: runs another processor on each element of a list or object.
 *
 * <p>The element stands at {@code _ingest._value} (and an object's key at {@code _ingest._key})
 * while its processor runs; the results replace the field once all elements are done. The inner
 * processor may be asynchronous.
 */
final class ForeachProcessor extends AbstractProcessor implements WrappingProcessor {
  static final String TYPE = "foreach";
  private static final String VALUE = "_value";
  private static final String KEY = "_key";

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
    List<Element> elements;
    try {
      Object value = document.getFieldValue(field, Object.class, ignoreMissing);
      if (value == null && ignoreMissing) {
        handler.accept(document, null);
        return;
      }
      elements = elements(value);
    } catch (IllegalArgumentException e) {
      handler.accept(null, e);
      return;
    }
    new Round(document, elements, handler).run();
  }

  private record Element(String key, Object value) {}

  private List<Element> elements(Object value) {
    List<Element> elements = new ArrayList<>();
    switch (value) {
      case null ->
          throw new IllegalArgumentException(
              "field [" + field + "] is null, cannot loop over its elements.");
      case List<?> list -> list.forEach(item -> elements.add(new Element(null, item)));
      case Map<?, ?> map ->
          map.forEach((key, item) -> elements.add(new Element(String.valueOf(key), item)));
      default ->
          throw new IllegalArgumentException(
              "field ["
                  + field
                  + "] of type ["
                  + value.getClass().getName()
                  + "] cannot be cast to a list or a map");
    }
    return elements;
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

  /** One document's passage through all elements. */
  private final class Round {
    private final IngestDocument document;
    private final List<Element> elements;
    private final BiConsumer<IngestDocument, Exception> handler;
    private final boolean isObject;
    private final List<Object> values = new ArrayList<>();
    private final Map<Object, Object> entries = new LinkedHashMap<>();
    private Object previousValue;
    private Object previousKey;

    Round(
        IngestDocument document,
        List<Element> elements,
        BiConsumer<IngestDocument, Exception> handler) {
      this.document = document;
      this.elements = elements;
      this.handler = handler;
      this.isObject = document.getFieldValue(field, Object.class) instanceof Map;
    }

    void run() {
      from(0);
    }

    /**
     * Goes on as long as elements are done at once, so that a long list does not pile up calls; an
     * element that is done later continues from its own call.
     */
    private void from(int start) {
      int next = start;
      while (next < elements.size()) {
        Step step = new Step(next);
        enter(elements.get(next));
        inner.execute(document, step::done);
        if (!step.doneBeforeReturn()) {
          return;
        }
        next++;
      }
      finish();
    }

    private void enter(Element element) {
      Map<String, Object> ingest = document.getIngestMetadata();
      previousValue = ingest.put(VALUE, element.value);
      if (isObject) {
        previousKey = ingest.put(KEY, element.key);
      }
    }

    private void leave() {
      Map<String, Object> ingest = document.getIngestMetadata();
      Object value = restore(ingest, VALUE, previousValue);
      if (isObject) {
        entries.put(restore(ingest, KEY, previousKey), value);
      } else {
        values.add(value);
      }
    }

    private Object restore(Map<String, Object> ingest, String name, Object previous) {
      return previous == null ? ingest.remove(name) : ingest.put(name, previous);
    }

    private void finish() {
      document.setFieldValue(field, isObject ? entries : values);
      handler.accept(document, null);
    }

    /** One element's call: either done before the call returns, or later on another thread. */
    private final class Step {
      private final int position;
      private boolean returned;
      private boolean done;

      Step(int position) {
        this.position = position;
      }

      void done(IngestDocument result, Exception failure) {
        leave();
        if (failure != null || result == null) {
          handler.accept(result, failure);
          return;
        }
        synchronized (this) {
          done = true;
          if (!returned) {
            return;
          }
        }
        from(position + 1);
      }

      synchronized boolean doneBeforeReturn() {
        returned = true;
        return done;
      }
    }
  }
}

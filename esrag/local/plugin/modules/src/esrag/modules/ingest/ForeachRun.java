package esrag.modules.ingest;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.elasticsearch.common.Strings;
import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.ingest.Processor;

/**
 * One document's passage through a {@code foreach} processor.
 *
 * <p>The element stands at {@code _ingest._value} (and an object's key at {@code _ingest._key})
 * while its processor runs; the results replace the field once all elements are done.
 */
final class ForeachRun {
  private static final String VALUE = "_value";
  private static final String KEY = "_key";

  private record Element(String key, Object value) {}

  private final String field;
  private final Processor inner;
  private final IngestDocument document;
  private final BiConsumer<IngestDocument, Exception> handler;
  private final boolean isObject;
  private final List<Element> elements = new ArrayList<>();
  private final List<Object> values = new ArrayList<>();
  private final Map<Object, Object> entries = new LinkedHashMap<>();
  private Object outerValue;
  private Object outerKey;

  ForeachRun(
      String field,
      Object value,
      Processor inner,
      IngestDocument document,
      BiConsumer<IngestDocument, Exception> handler) {
    this.field = field;
    this.inner = inner;
    this.document = document;
    this.handler = handler;
    this.isObject = value instanceof Map;
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
                  + "] cannot be cast to a list or map");
    }
  }

  void start() {
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
      run(step);
      if (!step.doneBeforeReturn()) {
        return;
      }
      next++;
    }
    document.setFieldValue(field, isObject ? entries : values);
    handler.accept(document, null);
  }

  private void run(Step step) {
    if (inner.isAsync()) {
      inner.execute(document, step::done);
      return;
    }
    IngestDocument result = null;
    Exception failure = null;
    try {
      result = inner.execute(document);
    } catch (Exception e) { // whatever a processor throws is the document's failure
      failure = e;
    }
    step.done(result, failure);
  }

  private void enter(Element element) {
    Map<String, Object> ingest = document.getIngestMetadata();
    outerValue = ingest.put(VALUE, element.value);
    if (isObject) {
      outerKey = ingest.put(KEY, element.key);
    }
  }

  /**
   * Takes the result and gives an enclosing loop its own element back; outside of one, null stays
   * behind. An entry whose key the processor has emptied is left out.
   */
  private void leave() {
    Map<String, Object> ingest = document.getIngestMetadata();
    if (!isObject) {
      values.add(ingest.put(VALUE, outerValue));
      return;
    }
    String key = (String) ingest.get(KEY);
    if (Strings.hasText(key)) {
      entries.put(key, ingest.put(VALUE, outerValue));
    }
    ingest.put(KEY, outerKey);
  }

  /** One element's call: done before the call returns, or later on another thread. */
  private final class Step {
    private final int position;
    private boolean returned;
    private boolean done;

    Step(int position) {
      this.position = position;
    }

    /** A dropped document comes as null without a failure, and ends the run as a failure does. */
    void done(IngestDocument result, Exception failure) {
      leave();
      if (failure != null || result == null) {
        handler.accept(null, failure);
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

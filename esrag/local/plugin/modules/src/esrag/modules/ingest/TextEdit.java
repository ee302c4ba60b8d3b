package esrag.modules.ingest;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.elasticsearch.ingest.IngestDocument;

/**
 * The processors that make one value of a string, like {@code lowercase}, {@code gsub} and {@code
 * bytes}; a list is mapped element by element.
 */
record TextEdit(RequiredField field, String target, Function<String, Object> operation)
    implements DocumentEdit {

  static DocumentEdit of(ProcessorSettings settings, Function<String, Object> operation) {
    RequiredField field = RequiredField.of(settings);
    return new TextEdit(field, settings.text("target_field", field.path()), operation);
  }

  @Override
  public void apply(IngestDocument document) {
    Object value = field.read(document, Object.class, "cannot process it.");
    if (value != null) {
      document.setFieldValue(target, mapped(value));
    }
  }

  private Object mapped(Object value) {
    return switch (value) {
      case String text -> operation.apply(text);
      case List<?> list -> mappedList(list);
      default ->
          throw new IllegalArgumentException(
              "field ["
                  + field.path()
                  + "] of type ["
                  + value.getClass().getName()
                  + "] cannot be cast to [java.lang.String]");
    };
  }

  private List<Object> mappedList(List<?> list) {
    List<Object> mapped = new ArrayList<>(list.size());
    for (Object element : list) {
      if (!(element instanceof String text)) {
        throw new IllegalArgumentException(
            "value ["
                + element
                + "] of type ["
                + (element == null ? null : element.getClass().getName())
                + "] in list field ["
                + field.path()
                + "] cannot be cast to [java.lang.String]");
      }
      mapped.add(operation.apply(text));
    }
    return mapped;
  }
}

package esrag.modules.ingest;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.elasticsearch.ingest.IngestDocument;

/**
 * The processors that map a string to a string, {@code lowercase}, {@code uppercase} and {@code
 * trim}; a list is mapped element by element.
 */
record TextEdit(String field, String target, boolean ignoreMissing, UnaryOperator<String> operation)
    implements DocumentEdit {

  static DocumentEdit of(ProcessorSettings settings, UnaryOperator<String> operation) {
    String field = settings.text("field");
    return new TextEdit(
        field,
        settings.text("target_field", field),
        settings.flag("ignore_missing", false),
        operation);
  }

  @Override
  public void apply(IngestDocument document) {
    Object value = document.getFieldValue(field, Object.class, ignoreMissing);
    if (value == null && ignoreMissing) {
      return;
    }
    document.setFieldValue(target, mapped(value));
  }

  private Object mapped(Object value) {
    return switch (value) {
      case null ->
          throw new IllegalArgumentException("field [" + field + "] is null, cannot process it.");
      case String text -> operation.apply(text);
      case List<?> list -> mappedList(list);
      default ->
          throw new IllegalArgumentException(
              "field ["
                  + field
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
                + field
                + "] cannot be cast to [java.lang.String]");
      }
      mapped.add(operation.apply(text));
    }
    return mapped;
  }
}

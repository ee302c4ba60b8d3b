package esrag.modules.ingest;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.elasticsearch.ingest.IngestDocument;

/** The {@code sort} processor: puts a list of numbers or of strings in order. */
record SortEdit(RequiredField field, String target, boolean descending) implements DocumentEdit {

  static DocumentEdit of(ProcessorSettings settings) {
    RequiredField field = new RequiredField(settings.text("field"), false);
    String target = settings.text("target_field", field.path());
    String order = settings.text("order", "asc");
    if (!order.equals("asc") && !order.equals("desc")) {
      throw settings.invalid(
          "order", "Sort direction [" + order + "] not recognized. Valid values are: [asc, desc]");
    }
    return new SortEdit(field, target, order.equals("desc"));
  }

  @Override
  public void apply(IngestDocument document) {
    @SuppressWarnings("unchecked") // what cannot be compared fails as a cast, as in the module
    List<Comparable<Object>> list = field.read(document, List.class, "cannot sort.");
    List<Comparable<Object>> sorted = new ArrayList<>(list);
    Comparator<Comparable<Object>> order = Comparator.naturalOrder();
    sorted.sort(descending ? order.reversed() : order);
    document.setFieldValue(target, sorted);
  }
}

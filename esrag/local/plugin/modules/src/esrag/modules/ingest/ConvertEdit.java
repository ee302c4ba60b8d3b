package esrag.modules.ingest;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.elasticsearch.ingest.IngestDocument;

/** The {@code convert} processor: gives a value, or each of a list, another type. */
record ConvertEdit(String field, boolean ignoreMissing, String target, ValueType type)
    implements DocumentEdit {

  static DocumentEdit of(ProcessorSettings settings) {
    String field = settings.text("field");
    String name = settings.text("type");
    String target = settings.text("target_field", field);
    ValueType type;
    try {
      type = ValueType.valueOf(name.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw settings.invalid("type", "type [" + name + "] not supported, cannot convert field.");
    }
    return new ConvertEdit(field, settings.flag("ignore_missing", false), target, type);
  }

  @Override
  public void apply(IngestDocument document) {
    Object value = document.getFieldValue(field, Object.class, ignoreMissing);
    if (value == null) {
      if (ignoreMissing) {
        return;
      }
      throw new IllegalArgumentException(
          "Field [" + field + "] is null, cannot be converted to type [" + type.apiName() + "]");
    }
    document.setFieldValue(target, converted(value));
  }

  private Object converted(Object value) {
    if (!(value instanceof List<?> list)) {
      return type.convert(value);
    }
    List<Object> converted = new ArrayList<>(list.size());
    for (Object element : list) {
      converted.add(type.convert(element));
    }
    return converted;
  }
}

package esrag.modules.mustache;

import com.github.mustachejava.reflect.ReflectionObjectHandler;
import java.lang.reflect.AccessibleObject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;

/**
 * Looks parameters up in maps and lists, never in the members of a Java object.
 *
 * <p>An ingest processor's parameters are a live view of the document that answers only single
 * keys, so they are never listed.
 */
final class ParameterHandler extends ReflectionObjectHandler {

  @Override
  public Object coerce(Object value) {
    return switch (value) {
      case ListView view -> view;
      case Collection<?> elements -> new ListView(new ArrayList<>(elements));
      case Object[] elements -> new ListView(Arrays.asList(elements));
      case null -> null;
      default -> super.coerce(value);
    };
  }

  @Override
  public String stringify(Object value) {
    return switch (value) {
      case null -> "";
      case ListView view -> view.elements().toString();
      default -> super.stringify(value);
    };
  }

  /** Templates come from users: no field or method of a parameter's class is reachable. */
  @Override
  @SuppressWarnings("rawtypes") // the overridden method's own signature
  protected AccessibleObject findMember(Class type, String name) {
    return null;
  }
}

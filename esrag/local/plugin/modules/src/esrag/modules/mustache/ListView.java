package esrag.modules.mustache;

import java.util.AbstractMap;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A list that sections walk through and that also answers {@code x.0} and {@code x.size}. */
final class ListView extends AbstractMap<Object, Object> implements Iterable<Object> {
  private static final String SIZE = "size";

  private final List<?> elements;

  ListView(List<?> elements) {
    this.elements = elements;
  }

  List<?> elements() {
    return elements;
  }

  @Override
  public Object get(Object key) {
    if (SIZE.equals(key)) {
      return elements.size();
    }
    int index = index(key);
    return index < 0 || index >= elements.size() ? null : elements.get(index);
  }

  @Override
  public boolean containsKey(Object key) {
    return get(key) != null;
  }

  private static int index(Object key) {
    try {
      return Integer.parseInt(String.valueOf(key));
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  @Override
  public Set<Map.Entry<Object, Object>> entrySet() {
    Map<Object, Object> entries = new LinkedHashMap<>();
    for (int i = 0; i < elements.size(); i++) {
      entries.put(String.valueOf(i), elements.get(i));
    }
    return entries.entrySet();
  }

  @Override
  public Iterator<Object> iterator() {
    return new ArrayList<Object>(elements).iterator();
  }
}

package esrag.ml.node;

import java.util.Map;

/** Typed reading of the maps that JSON answers are parsed into. */
final class Json {
  private Json() {}

  static String text(Map<String, Object> map, String key) {
    Object value = map.get(key);
    return value == null ? null : value.toString();
  }

  static String text(Map<String, Object> map, String key, String absent) {
    String value = text(map, key);
    return value == null ? absent : value;
  }

  static Long number(Map<String, Object> map, String key) {
    return map.get(key) instanceof Number number ? (Long) number.longValue() : null;
  }

  static long number(Map<String, Object> map, String key, long absent) {
    Long value = number(map, key);
    return value == null ? absent : value;
  }

  static Double decimal(Map<String, Object> map, String key) {
    return map.get(key) instanceof Number number ? (Double) number.doubleValue() : null;
  }

  static boolean flag(Map<String, Object> map, String key) {
    return Boolean.TRUE.equals(map.get(key));
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> object(Map<String, Object> map, String key) {
    return map.get(key) instanceof Map<?, ?> object ? (Map<String, Object>) object : Map.of();
  }
}

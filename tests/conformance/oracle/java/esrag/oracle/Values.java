package esrag.oracle;

import java.util.List;
import java.util.Map;

/** An object of the input, read by type. */
record Values(Map<String, Object> fields) {
  String text(String name) {
    return (String) fields.get(name);
  }

  String textOr(String name, String other) {
    return (String) fields.getOrDefault(name, other);
  }

  double number(String name) {
    return ((Number) fields.get(name)).doubleValue();
  }

  int whole(String name) {
    return ((Number) fields.get(name)).intValue();
  }

  boolean truth(String name) {
    return (Boolean) fields.getOrDefault(name, false);
  }

  double[] numbers(String name) {
    return numbers(fields.get(name));
  }

  double[][] matrix(String name) {
    return ((List<?>) fields.get(name)).stream().map(Values::numbers).toArray(double[][]::new);
  }

  @SuppressWarnings("unchecked")
  List<Values> list(String name) {
    List<Map<String, Object>> entries =
        (List<Map<String, Object>>) fields.getOrDefault(name, List.of());
    return entries.stream().map(Values::new).toList();
  }

  private static double[] numbers(Object list) {
    return ((List<?>) list).stream().mapToDouble(each -> ((Number) each).doubleValue()).toArray();
  }
}

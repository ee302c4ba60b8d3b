package esrag.ml.service;

import java.util.Map;

/** Settings as the API shows them: what nobody has given does not appear. */
final class Settings {
  private Settings() {}

  static void put(Map<String, Object> settings, String name, Object value) {
    if (value != null) {
      settings.put(name, value);
    }
  }
}

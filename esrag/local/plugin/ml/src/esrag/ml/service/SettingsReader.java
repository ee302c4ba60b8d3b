package esrag.ml.service;

import java.util.Map;
import org.elasticsearch.common.ValidationException;
import org.elasticsearch.xpack.core.inference.InferenceUtils;

/** Takes settings out of a map and collects what is wrong with them, in the server's words. */
final class SettingsReader {
  private final Map<String, Object> values;
  private final String scope;
  private final ValidationException errors;

  SettingsReader(Map<String, Object> values, String scope, ValidationException errors) {
    this.values = values;
    this.scope = scope;
    this.errors = errors;
  }

  String requiredText(String name) {
    String value = InferenceUtils.removeAsType(values, name, String.class, errors);
    if (value == null) {
      errors.addValidationError(InferenceUtils.missingSettingErrorMsg(name, scope));
    } else if (value.isEmpty()) {
      errors.addValidationError(InferenceUtils.mustBeNonEmptyString(name, scope));
    }
    return value;
  }

  String optionalText(String name) {
    return InferenceUtils.extractOptionalString(values, name, scope, errors);
  }

  Integer requiredPositive(String name) {
    return InferenceUtils.extractRequiredPositiveInteger(values, name, scope, errors);
  }

  Integer optionalPositive(String name) {
    return values.containsKey(name) ? requiredPositive(name) : null;
  }

  Map<?, ?> optionalObject(String name) {
    return InferenceUtils.removeAsType(values, name, Map.class, errors);
  }
}

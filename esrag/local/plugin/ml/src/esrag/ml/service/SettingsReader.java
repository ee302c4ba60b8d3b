package esrag.ml.service;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.common.ValidationException;
import org.elasticsearch.core.Strings;
import org.elasticsearch.inference.SimilarityMeasure;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.inference.InferenceUtils;
import org.elasticsearch.xpack.core.ml.inference.assignment.AdaptiveAllocationsSettings;

/** Takes settings out of a map and collects what is wrong with them, in the server's words. */
final class SettingsReader {
  static final String RATE_LIMIT = "rate_limit";
  static final String REQUESTS_PER_MINUTE = "requests_per_minute";

  private final Map<String, Object> values;
  private final String scope;
  private final ValidationException errors = new ValidationException();

  /**
   * @param values what is read is removed
   * @param scope where the settings stand, for messages
   */
  SettingsReader(Map<String, Object> values, String scope) {
    this.values = values;
    this.scope = scope;
  }

  /** Throws all that was wrong. */
  void finish() {
    errors.throwIfValidationErrorsExist();
  }

  void error(String message) {
    errors.addValidationError(message);
  }

  String requiredText(String name) {
    int before = errors.validationErrors().size();
    String value = InferenceUtils.removeAsType(values, name, String.class, errors);
    if (errors.validationErrors().size() > before) {
      return null;
    }
    if (value == null) {
      error(InferenceUtils.missingSettingErrorMsg(name, scope));
    } else if (value.isEmpty()) {
      error(InferenceUtils.mustBeNonEmptyString(name, scope));
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
    return values.get(name) == null ? null : requiredPositive(name);
  }

  Boolean optionalFlag(String name) {
    return InferenceUtils.removeAsType(values, name, Boolean.class, errors);
  }

  /** A similarity by its name in the API, or null. */
  String similarity(String name) {
    String given = optionalText(name);
    if (given == null) {
      return null;
    }
    try {
      return SimilarityMeasure.fromString(given).toString();
    } catch (IllegalArgumentException e) {
      error(
          InferenceUtils.invalidValue(
              name, scope, given, new String[] {"cosine", "dot_product", "l2_norm"}));
      return null;
    }
  }

  String requiredUrl(String name) {
    String given = requiredText(name);
    return given == null || given.isEmpty() ? null : checked(given, name);
  }

  String optionalUrl(String name) {
    String given = optionalText(name);
    return given == null ? null : checked(given, name);
  }

  private String checked(String url, String name) {
    String reason;
    try {
      if (new URI(url).getHost() != null) {
        return url;
      }
      reason = "Expected scheme name and host";
    } catch (URISyntaxException e) {
      reason = e.getReason();
    }
    error(
        Strings.format(
            "[%s] Invalid url [%s] received for field [%s]. Error: unable to parse url [%s]."
                + " Reason: %s",
            scope, url, name, url, reason));
    return null;
  }

  /** How many requests a minute an endpoint may send, as the API shows it. */
  Map<String, Object> rateLimit(long standard, String service) {
    Map<String, Object> limit = optionalObject(RATE_LIMIT);
    if (limit == null) {
      return Map.of(REQUESTS_PER_MINUTE, standard);
    }
    Object rate = limit.remove(REQUESTS_PER_MINUTE);
    if (limit.isEmpty() == false) {
      throw new ElasticsearchStatusException(
          "Configuration contains settings [{}] unknown to the [{}] service",
          RestStatus.BAD_REQUEST,
          limit,
          service);
    }
    if (rate == null) {
      return Map.of(REQUESTS_PER_MINUTE, standard);
    }
    if (rate instanceof Integer || rate instanceof Long) {
      long value = ((Number) rate).longValue();
      if (value <= 0) {
        error(
            Strings.format(
                "[%s] Invalid value [%s]. [%s] must be a positive long",
                RATE_LIMIT, value, REQUESTS_PER_MINUTE));
      }
      return Map.of(REQUESTS_PER_MINUTE, value);
    }
    error(
        Strings.format(
            "field [%s] is not of one of the expected types. The value [%s] cannot be converted to"
                + " one of %s",
            REQUESTS_PER_MINUTE, rate, List.of("Integer", "Long")));
    return Map.of(REQUESTS_PER_MINUTE, standard);
  }

  /** Adaptive allocations as the API shows them, or null. */
  Map<String, Object> adaptiveAllocations(String name) {
    Map<String, Object> given = optionalObject(name);
    if (given == null) {
      return null;
    }
    Map<String, Object> shown = new LinkedHashMap<>();
    Boolean enabled =
        taken(given, AdaptiveAllocationsSettings.ENABLED.getPreferredName(), Boolean.class, shown);
    Integer least =
        taken(
            given,
            AdaptiveAllocationsSettings.MIN_NUMBER_OF_ALLOCATIONS.getPreferredName(),
            Integer.class,
            shown);
    Integer most =
        taken(
            given,
            AdaptiveAllocationsSettings.MAX_NUMBER_OF_ALLOCATIONS.getPreferredName(),
            Integer.class,
            shown);
    for (String unknown : given.keySet()) {
      error(Strings.format("[%s] does not allow the setting [%s]", name, unknown));
    }
    ActionRequestValidationException wrong =
        new AdaptiveAllocationsSettings(enabled, least, most).validate();
    if (wrong != null) {
      errors.addValidationErrors(wrong.validationErrors());
    }
    return shown;
  }

  private <T> T taken(
      Map<String, Object> given, String name, Class<T> type, Map<String, Object> shown) {
    T value = InferenceUtils.removeAsType(given, name, type, errors);
    if (value != null) {
      shown.put(name, value);
    }
    return value;
  }

  /** A map of texts, or null; entries that are null are left out. */
  Map<String, Object> optionalTexts(String name) {
    Map<String, Object> given = optionalObject(name);
    if (given == null) {
      return null;
    }
    given.values().removeIf(value -> value == null);
    for (Map.Entry<String, Object> entry : given.entrySet()) {
      if (entry.getValue() instanceof String == false) {
        error(
            Strings.format(
                "Map field [%s] has an entry that is not valid, [%s => %s]. Value type of [%s] is"
                    + " not one of [String].",
                name, entry.getKey(), entry.getValue(), entry.getValue()));
        return null;
      }
    }
    return given;
  }

  @SuppressWarnings("unchecked")
  private Map<String, Object> optionalObject(String name) {
    Map<?, ?> given = InferenceUtils.removeAsType(values, name, Map.class, errors);
    return given == null ? null : new HashMap<>((Map<String, Object>) given);
  }
}

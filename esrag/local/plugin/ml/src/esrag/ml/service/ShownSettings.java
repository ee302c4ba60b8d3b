package esrag.ml.service;

import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import org.elasticsearch.inference.InferenceServiceConfiguration;
import org.elasticsearch.inference.SettingsConfiguration;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.inference.configuration.SettingsConfigurationFieldType;

/** Collects what {@code _inference/_services} says of a service. */
final class ShownSettings {
  private final String service;
  private final String title;
  private final EnumSet<TaskType> tasks;
  private final Map<String, SettingsConfiguration> shown = new LinkedHashMap<>();

  ShownSettings(String service, String title, EnumSet<TaskType> tasks) {
    this.service = service;
    this.title = title;
    this.tasks = tasks;
  }

  ShownSettings text(
      String name, String label, String description, EnumSet<TaskType> wanting, boolean required) {
    return add(
        name, label, description, wanting, SettingsConfigurationFieldType.STRING, required, false);
  }

  ShownSettings number(
      String name, String label, String description, EnumSet<TaskType> wanting, boolean required) {
    return add(
        name, label, description, wanting, SettingsConfigurationFieldType.INTEGER, required, false);
  }

  ShownSettings map(String name, String label, String description) {
    return add(name, label, description, tasks, SettingsConfigurationFieldType.MAP, false, false);
  }

  ShownSettings secret(String name, String label, String description) {
    return add(name, label, description, tasks, SettingsConfigurationFieldType.STRING, true, true);
  }

  ShownSettings rateLimit(String description) {
    return number(
        SettingsReader.RATE_LIMIT + "." + SettingsReader.REQUESTS_PER_MINUTE,
        "Rate Limit",
        description,
        tasks,
        false);
  }

  private ShownSettings add(
      String name,
      String label,
      String description,
      EnumSet<TaskType> wanting,
      SettingsConfigurationFieldType type,
      boolean required,
      boolean secret) {
    shown.put(
        name,
        new SettingsConfiguration.Builder(wanting)
            .setLabel(label)
            .setDescription(description)
            .setRequired(required)
            .setSensitive(secret)
            .setUpdatable(secret)
            .setType(type)
            .build());
    return this;
  }

  InferenceServiceConfiguration build() {
    return new InferenceServiceConfiguration.Builder()
        .setService(service)
        .setName(title)
        .setTaskTypes(tasks)
        .setConfigurations(shown)
        .build();
  }
}

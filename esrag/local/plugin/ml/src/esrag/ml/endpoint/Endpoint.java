package esrag.ml.endpoint;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.elasticsearch.inference.ChunkingSettings;
import org.elasticsearch.inference.ModelConfigurations;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;
import org.elasticsearch.xpack.core.inference.chunking.ChunkingSettingsBuilder;

/**
 * An inference endpoint: a named way to call a model for a task.
 *
 * @param inferenceId its id
 * @param taskType what it does
 * @param service which service does it
 * @param settings the service's settings; a few of them are not shown
 * @param taskSettings the wishes that a request may override
 * @param secrets what must not be shown
 * @param chunking how long texts are cut, for embeddings only, else null
 */
public record Endpoint(
    String inferenceId,
    TaskType taskType,
    String service,
    Map<String, Object> settings,
    Map<String, Object> taskSettings,
    Map<String, Object> secrets,
    Map<String, Object> chunking) {

  /** An endpoint of which no service has read the settings yet. */
  static Endpoint draft(
      String inferenceId, TaskType taskType, String service, Map<String, Object> chunking) {
    return new Endpoint(inferenceId, taskType, service, Map.of(), Map.of(), Map.of(), chunking);
  }

  /** As the API shows it, in the server's own class. */
  public ModelConfigurations configurations() {
    ChunkingSettings chunker = chunking == null ? null : ChunkingSettingsBuilder.fromMap(chunking);
    return new ModelConfigurations(
        inferenceId,
        taskType,
        service,
        new EndpointSettings(settings),
        new EndpointTaskSettings(taskSettings),
        chunker);
  }

  /** The same endpoint with more settings. */
  public Endpoint with(Map<String, Object> more) {
    Map<String, Object> all = new LinkedHashMap<>(settings);
    all.putAll(more);
    return new Endpoint(inferenceId, taskType, service, all, taskSettings, secrets, chunking);
  }

  /** The same endpoint without some settings. */
  public Endpoint without(String... names) {
    Map<String, Object> rest = new LinkedHashMap<>(settings);
    for (String name : names) {
      rest.remove(name);
    }
    return new Endpoint(inferenceId, taskType, service, rest, taskSettings, secrets, chunking);
  }

  /** The same endpoint with other task settings. */
  public Endpoint withTask(Map<String, Object> other) {
    return new Endpoint(inferenceId, taskType, service, settings, other, secrets, chunking);
  }

  /** The same endpoint with other secrets. */
  public Endpoint withSecrets(Map<String, Object> other) {
    return new Endpoint(inferenceId, taskType, service, settings, taskSettings, other, chunking);
  }

  /** The same endpoint with texts cut in another way. */
  Endpoint withChunking(Map<String, Object> other) {
    return new Endpoint(inferenceId, taskType, service, settings, taskSettings, secrets, other);
  }

  /** A setting as text, or null. */
  public String text(String setting) {
    Object value = settings.get(setting);
    return value == null ? null : value.toString();
  }

  /** A setting as a whole number, or null. */
  public Integer number(String setting) {
    return settings.get(setting) instanceof Number value ? (Integer) value.intValue() : null;
  }

  XContentBuilder toStored() throws IOException {
    XContentBuilder json = XContentBuilder.builder(XContentType.JSON.xContent()).startObject();
    json.field("task_type", taskType.toString()).field("service", service);
    json.field("settings", settings).field("task_settings", taskSettings);
    json.field("secrets", secrets);
    if (chunking != null) {
      json.field("chunking", chunking);
    }
    return json.endObject();
  }

  static Endpoint fromStored(String inferenceId, Map<String, Object> source) {
    return new Endpoint(
        inferenceId,
        TaskType.fromString((String) source.get("task_type")),
        (String) source.get("service"),
        object(source, "settings"),
        object(source, "task_settings"),
        object(source, "secrets"),
        source.containsKey("chunking") ? object(source, "chunking") : null);
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> object(Map<String, Object> source, String key) {
    return source.get(key) instanceof Map<?, ?> map ? (Map<String, Object>) map : Map.of();
  }
}

package esrag.ml.endpoint;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.elasticsearch.TransportVersion;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.inference.TaskSettings;
import org.elasticsearch.inference.TopNProvider;
import org.elasticsearch.xcontent.XContentBuilder;

/** The task settings of an endpoint, as its service has read them. */
record EndpointTaskSettings(Map<String, Object> values) implements TaskSettings, TopNProvider {
  private static final String NAME = "esrag_endpoint_task_settings";

  @Override
  public boolean isEmpty() {
    return values.isEmpty();
  }

  /** How many passages a reranking endpoint is told to return, or null for all. */
  @Override
  public Integer getTopN() {
    return values.get("top_n") instanceof Number top ? (Integer) top.intValue() : null;
  }

  @Override
  public TaskSettings updatedTaskSettings(Map<String, Object> newSettings) {
    Map<String, Object> merged = new LinkedHashMap<>(values);
    merged.putAll(newSettings);
    return new EndpointTaskSettings(merged);
  }

  @Override
  public XContentBuilder toXContent(XContentBuilder builder, Params params) throws IOException {
    return builder.map(values);
  }

  @Override
  public String getWriteableName() {
    return NAME;
  }

  @Override
  public TransportVersion getMinimalSupportedVersion() {
    return TransportVersion.minimumCompatible();
  }

  @Override
  public void writeTo(StreamOutput out) throws IOException {
    out.writeGenericMap(values);
  }
}

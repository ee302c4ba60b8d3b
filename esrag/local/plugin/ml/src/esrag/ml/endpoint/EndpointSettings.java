package esrag.ml.endpoint;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.elasticsearch.TransportVersion;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.index.mapper.vectors.DenseVectorFieldMapper.ElementType;
import org.elasticsearch.inference.ServiceSettings;
import org.elasticsearch.inference.SimilarityMeasure;
import org.elasticsearch.xcontent.ToXContentObject;
import org.elasticsearch.xcontent.XContentBuilder;

/**
 * The settings of an endpoint's service, without secrets. The real services have a class each; here
 * the service has checked the map and it is shown as it is.
 */
public record EndpointSettings(Map<String, Object> values) implements ServiceSettings {
  static final String NAME = "esrag_endpoint_settings";
  public static final String MODEL_ID = "model_id";
  public static final String DIMENSIONS = "dimensions";
  public static final String SIMILARITY = "similarity";
  public static final String ELEMENT_TYPE = "element_type";

  /** Whether the number of dimensions was asked for, not found. Kept, and not shown. */
  public static final String DIMENSIONS_SET_BY_USER = "dimensions_set_by_user";

  @Override
  public String modelId() {
    return (String) values.get(MODEL_ID);
  }

  @Override
  public Integer dimensions() {
    return values.get(DIMENSIONS) instanceof Number number ? (Integer) number.intValue() : null;
  }

  @Override
  public SimilarityMeasure similarity() {
    return values.get(SIMILARITY) instanceof String name
        ? SimilarityMeasure.fromString(name)
        : null;
  }

  @Override
  public ElementType elementType() {
    return values.containsKey(ELEMENT_TYPE) ? ElementType.FLOAT : null;
  }

  @Override
  public ToXContentObject getFilteredXContentObject() {
    Map<String, Object> shown = new LinkedHashMap<>(values);
    shown.remove(DIMENSIONS_SET_BY_USER);
    return new EndpointSettings(shown);
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

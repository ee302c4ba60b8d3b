package esrag.ml.node;

import java.util.List;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.core.TimeValue;

/**
 * One request for inference: texts of one deployment that share config and prefix.
 *
 * @param deploymentId the deployment to ask
 * @param inputs the texts, without prefix
 * @param inferenceConfig the model's config merged with the caller's update, as JSON
 * @param prefix what to put before each text, or null
 * @param timeout how long the texts may wait and run
 */
public record InferCall(
    String deploymentId,
    List<String> inputs,
    BytesReference inferenceConfig,
    String prefix,
    TimeValue timeout) {}

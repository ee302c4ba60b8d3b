package esrag.ml.model;

import java.util.Map;
import java.util.Set;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.xpack.core.ml.utils.InferenceProcessorInfoExtractor;

/** Which ingest pipelines name a model, a deployment or an inference endpoint. */
public final class PipelineReferences {
  private PipelineReferences() {}

  /** The ids of the pipelines with an inference processor for one of these ids. */
  public static Set<String> pipelines(ClusterService clusterService, Set<String> ids) {
    return InferenceProcessorInfoExtractor.pipelineIdsForResource(
        clusterService.state().metadata(), ids);
  }

  /** Pipelines for each of these ids. */
  public static Map<String, Set<String>> byId(ClusterService clusterService, Set<String> ids) {
    return InferenceProcessorInfoExtractor.pipelineIdsByResource(clusterService.state(), ids);
  }
}

package esrag.ml.service;

import esrag.ml.node.Deployment;
import esrag.ml.node.MlNodeClient;
import esrag.ml.node.MlNodeException;
import esrag.ml.node.StoredModel;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.TextEmbeddingConfig;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.TextExpansionConfig;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.TextSimilarityConfig;

/** Finds the models and deployments that endpoints name, and checks that they do the task. */
final class DeployedModels {
  /** Models of Elastic that the real server fetches by itself. */
  static final String ELSER = ".elser_model_2";

  static final String ELSER_LINUX = ".elser_model_2_linux-x86_64";
  private static final Set<String> OF_ELASTIC =
      Set.of(
          ".elser_model_1",
          ELSER,
          ELSER_LINUX,
          ".multilingual-e5-small",
          ".multilingual-e5-small_linux-x86_64",
          ".rerank-v1");
  private static final Map<String, TaskType> TASKS =
      Map.of(
          TextEmbeddingConfig.NAME, TaskType.TEXT_EMBEDDING,
          TextExpansionConfig.NAME, TaskType.SPARSE_EMBEDDING,
          TextSimilarityConfig.NAME, TaskType.RERANK);

  private final MlNodeClient node;

  DeployedModels(MlNodeClient node) {
    this.node = node;
  }

  /** A deployment by its id, which must be of this model where one is named. */
  void deployment(
      String deploymentId, String modelId, TaskType task, ActionListener<Deployment> listener) {
    node.deployments(
        listener.delegateFailureAndWrap(
            (next, deployments) -> {
              Optional<Deployment> found =
                  deployments.stream()
                      .filter(deployment -> deployment.deploymentId().equals(deploymentId))
                      .findFirst();
              Deployment deployment =
                  found.orElseThrow(
                      () ->
                          new ElasticsearchStatusException(
                              "Cannot find deployment [{}]", RestStatus.NOT_FOUND, deploymentId));
              if (modelId != null && modelId.equals(deployment.modelId()) == false) {
                throw new ElasticsearchStatusException(
                    "Deployment [{}] uses model [{}] which does not match the model [{}] in the"
                        + " request.",
                    RestStatus.BAD_REQUEST,
                    deploymentId,
                    deployment.modelId(),
                    modelId);
              }
              node.model(
                  deployment.modelId(),
                  next.map(
                      model -> {
                        checkTask(model, task);
                        return deployment;
                      }));
            }));
  }

  /** Fails unless a model of this id is there and does the task. */
  void check(String modelId, TaskType task, ActionListener<Void> listener) {
    node.model(
        modelId,
        ActionListener.wrap(
            model -> {
              checkTask(model, task);
              listener.onResponse(null);
            },
            failure ->
                listener.onFailure(
                    failure instanceof MlNodeException refusal && refusal.kind().equals("not_found")
                        ? absent(modelId)
                        : failure)));
  }

  private static Exception absent(String modelId) {
    if (OF_ELASTIC.contains(modelId)) {
      return new ElasticsearchStatusException(
          "Model [{}] is a model of Elastic, which the local stack cannot download. Upload it under"
              + " this id, or name a model of your own.",
          RestStatus.NOT_FOUND,
          modelId);
    }
    return new IllegalArgumentException(
        "Error parsing request config, model id does not match any models available on this"
            + " platform. Was ["
            + modelId
            + "]. You may need to load it into the cluster using eland.");
  }

  private static void checkTask(StoredModel model, TaskType task) {
    String type =
        model.config().get("inference_config") instanceof Map<?, ?> config
            ? config.keySet().stream().map(Object::toString).findFirst().orElse(null)
            : null;
    TaskType does = type == null ? null : TASKS.get(type);
    if (does == null) {
      throw new ElasticsearchStatusException(
          "Deployed model [{}] has type [{}] which does not map to any supported task types",
          RestStatus.BAD_REQUEST,
          model.modelId(),
          type);
    }
    if (does != task) {
      throw new ElasticsearchStatusException(
          "Deployed model [{}] with type [{}] does not match the requested task type [{}]",
          RestStatus.BAD_REQUEST,
          model.modelId(),
          type,
          task);
    }
  }
}

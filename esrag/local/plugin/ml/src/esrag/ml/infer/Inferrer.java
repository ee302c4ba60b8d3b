package esrag.ml.infer;

import esrag.ml.node.InferCall;
import esrag.ml.node.MlNodeClient;
import esrag.ml.node.MlNodeException;
import esrag.ml.node.TextResult;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.common.util.concurrent.EsRejectedExecutionException;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;
import org.elasticsearch.xpack.core.ml.action.InferModelAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelPrefixStrings.PrefixType;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.InferenceConfig;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.InferenceConfigUpdate;

/**
 * Has texts inferred by a deployment: merges the model's config with the caller's update, adds the
 * prefix of the use, and turns refusals of the ML node process into the server's own errors.
 *
 * <p>On a cluster this is the deployment manager of an ML node. All callers come through here.
 */
public final class Inferrer {
  private final MlNodeClient node;
  private final Targets targets;

  public Inferrer(MlNodeClient node, Targets targets) {
    this.node = node;
    this.targets = targets;
  }

  /**
   * What is asked of a model.
   *
   * @param texts the texts, without prefix
   * @param update the caller's wishes on top of the model's config
   * @param prefix which prefix string to use
   * @param timeout how long the texts may wait and run; callers that name none get the API's
   */
  public record Ask(
      List<String> texts, InferenceConfigUpdate update, PrefixType prefix, TimeValue timeout) {

    public Ask {
      timeout =
          Objects.requireNonNullElse(timeout, InferModelAction.Request.DEFAULT_TIMEOUT_FOR_API);
    }
  }

  /** Finds the deployment of an id and asks it; a deployment that has gone is looked up again. */
  public void infer(String id, Ask ask, ActionListener<List<InferenceResults>> listener) {
    targets.find(
        id,
        listener.delegateFailureAndWrap(
            (next, target) ->
                infer(
                    target,
                    ask,
                    ActionListener.wrap(
                        next::onResponse,
                        failure -> {
                          if (failure instanceof Gone) {
                            targets.find(
                                id,
                                next.delegateFailureAndWrap(
                                    (last, found) -> infer(found, ask, last)));
                          } else {
                            next.onFailure(failure);
                          }
                        }))));
  }

  /** Asks a known deployment. */
  public void infer(Target target, Ask ask, ActionListener<List<InferenceResults>> listener) {
    InferenceConfig merged;
    BytesReference config;
    try {
      merged = merge(target, ask.update());
      config = json(merged);
    } catch (IOException | RuntimeException e) {
      listener.onFailure(e);
      return;
    }
    InferCall call =
        new InferCall(
            target.deploymentId(), ask.texts(), config, target.prefix(ask.prefix()), ask.timeout());
    node.infer(
        call,
        ActionListener.wrap(
            results -> listener.onResponse(read(results, ask.texts().size(), merged)),
            failure -> listener.onFailure(explain(target, ask, failure))));
  }

  private static InferenceConfig merge(Target target, InferenceConfigUpdate update) {
    InferenceConfig config = target.config().getInferenceConfig();
    if (update.isSupported(config) == false) {
      throw new ElasticsearchStatusException(
          "Trained model [{}] is configured for task [{}] but called with task [{}]",
          RestStatus.FORBIDDEN,
          target.config().getModelId(),
          config.getName(),
          update.getName());
    }
    return update.isEmpty() ? config : config.apply(update);
  }

  private static BytesReference json(InferenceConfig config) throws IOException {
    try (XContentBuilder json = XContentBuilder.builder(XContentType.JSON.xContent())) {
      json.startObject().field(config.getName(), config, ToXContent.EMPTY_PARAMS).endObject();
      return BytesReference.bytes(json);
    }
  }

  private static List<InferenceResults> read(
      List<TextResult> results, int expected, InferenceConfig config) {
    if (results.size() != expected) {
      throw new ElasticsearchStatusException(
          "The ML node process gave [{}] results for [{}] texts",
          RestStatus.INTERNAL_SERVER_ERROR,
          results.size(),
          expected);
    }
    TaskResults read = new TaskResults(config);
    return results.stream().map(read::of).toList();
  }

  private Exception explain(Target target, Ask ask, Exception failure) {
    if (!(failure instanceof MlNodeException refusal)) {
      return failure;
    }
    switch (refusal.kind()) {
      case "queue_full":
        return queueFull();
      case "timeout":
        return new ElasticsearchStatusException(
            "timeout [{}] waiting for inference result", RestStatus.REQUEST_TIMEOUT, ask.timeout());
      case "not_found", "not_deployed":
        targets.forget();
        return new Gone(target.deploymentId());
      default:
        return MlNodeException.shown(refusal);
    }
  }

  /** What the server answers when a deployment has more waiting than its queue holds. */
  public static EsRejectedExecutionException queueFull() {
    return new EsRejectedExecutionException(
        "inference process queue is full. Unable to execute command", false);
  }

  /** The deployment is not there any more. */
  private static final class Gone extends ElasticsearchStatusException {
    private static final long serialVersionUID = 1L;

    Gone(String deploymentId) {
      super(
          "Trained model deployment [{}] is not allocated to any nodes",
          RestStatus.CONFLICT,
          deploymentId);
    }
  }
}

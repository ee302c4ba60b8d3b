package esrag.ml.deployment;

import esrag.ml.node.Deployment;
import esrag.ml.node.MlNodeClient;
import org.elasticsearch.ElasticsearchException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.xpack.core.ml.inference.ModelDeploymentTimeoutException;

/**
 * Waits until a deployment has started, by asking the ML node process again and again. On a cluster
 * a predicate over the cluster state does this.
 */
final class DeploymentWait {
  private static final TimeValue PAUSE = TimeValue.timeValueMillis(100);

  private final MlNodeClient node;
  private final ThreadPool threadPool;
  private final String deploymentId;
  private final TimeValue timeout;
  private final long deadline;

  DeploymentWait(MlNodeClient node, ThreadPool threadPool, String deploymentId, TimeValue timeout) {
    this.node = node;
    this.threadPool = threadPool;
    this.deploymentId = deploymentId;
    this.timeout = timeout;
    this.deadline = threadPool.relativeTimeInMillis() + timeout.millis();
  }

  void start(ActionListener<Deployment> listener) {
    node.deployment(
        deploymentId,
        listener.delegateFailureAndWrap(
            (next, deployment) -> {
              if (deployment.started()) {
                next.onResponse(deployment);
              } else if (deployment.failed()) {
                next.onFailure(new Failed(deployment.reason()));
              } else if (threadPool.relativeTimeInMillis() >= deadline) {
                next.onFailure(timedOut());
              } else {
                threadPool.schedule(() -> start(next), PAUSE, threadPool.generic());
              }
            }));
  }

  private Exception timedOut() {
    return new ModelDeploymentTimeoutException(
        "Timed out after ["
            + timeout
            + "] waiting for trained model deployment ["
            + deploymentId
            + "] to start. Use the trained model stats API to track the state of the deployment"
            + " and try again once it has started.");
  }

  /** The deployment will not start; the message says why. */
  static final class Failed extends ElasticsearchException {
    private static final long serialVersionUID = 1L;

    Failed(String reason) {
      super("{}", reason);
    }
  }
}

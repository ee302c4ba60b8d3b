package esrag.ml.service;

import esrag.ml.endpoint.Endpoint;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.ClientHelper;
import org.elasticsearch.xpack.core.ml.action.StartTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.action.StopTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.action.UpdateTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.inference.assignment.AdaptiveAllocationsSettings;
import org.elasticsearch.xpack.core.ml.inference.assignment.AllocationStatus;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;

/**
 * Starts, changes and stops the deployments that endpoints have of their own; each bears the id of
 * its endpoint.
 */
final class OwnDeployments {
  private final Client client;

  OwnDeployments(Client client) {
    this.client = client;
  }

  void start(Endpoint endpoint, TimeValue timeout, ActionListener<Void> listener) {
    StartTrainedModelDeploymentAction.Request start =
        new StartTrainedModelDeploymentAction.Request(
            endpoint.text(DeployedModelSettings.MODEL_ID), endpoint.inferenceId());
    Integer allocations = endpoint.number(DeployedModelSettings.NUM_ALLOCATIONS);
    if (allocations != null) {
      start.setNumberOfAllocations(allocations);
    }
    start.setThreadsPerAllocation(endpoint.number(DeployedModelSettings.NUM_THREADS));
    start.setAdaptiveAllocationsSettings(DeployedModelSettings.adaptive(endpoint));
    start.setTimeout(timeout);
    start.setWaitForState(AllocationStatus.State.STARTED);
    ClientHelper.executeAsyncWithOrigin(
        client,
        ClientHelper.ML_ORIGIN,
        StartTrainedModelDeploymentAction.INSTANCE,
        start,
        listener.map(response -> null));
  }

  /** Gives the deployment of an endpoint the allocations that the endpoint now asks for. */
  void update(Endpoint endpoint, ActionListener<Void> listener) {
    String deployment = endpoint.text(DeployedModelSettings.DEPLOYMENT_ID);
    if (deployment != null) {
      throw new ElasticsearchStatusException(
          Messages.INFERENCE_CAN_ONLY_UPDATE_MODELS_IT_CREATED,
          RestStatus.CONFLICT,
          endpoint.inferenceId(),
          deployment);
    }
    UpdateTrainedModelDeploymentAction.Request update =
        new UpdateTrainedModelDeploymentAction.Request(endpoint.inferenceId());
    update.setNumberOfAllocations(endpoint.number(DeployedModelSettings.NUM_ALLOCATIONS));
    AdaptiveAllocationsSettings adaptive = DeployedModelSettings.adaptive(endpoint);
    update.setAdaptiveAllocationsSettings(adaptive);
    update.setSource(UpdateTrainedModelDeploymentAction.Request.Source.INFERENCE_API);
    ClientHelper.executeAsyncWithOrigin(
        client,
        ClientHelper.ML_ORIGIN,
        UpdateTrainedModelDeploymentAction.INSTANCE,
        update,
        listener.map(response -> null));
  }

  void stop(Endpoint endpoint, ActionListener<Void> listener) {
    StopTrainedModelDeploymentAction.Request stop =
        new StopTrainedModelDeploymentAction.Request(endpoint.inferenceId());
    stop.setForce(true);
    ClientHelper.executeAsyncWithOrigin(
        client,
        ClientHelper.ML_ORIGIN,
        StopTrainedModelDeploymentAction.INSTANCE,
        stop,
        listener.map(response -> null));
  }
}

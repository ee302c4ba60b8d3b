package esrag.ml.deployment;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.model.ModelErrors;
import esrag.ml.node.Deployment;
import esrag.ml.node.StoredModel;
import java.io.IOException;
import java.util.List;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;
import org.elasticsearch.xpack.core.ml.action.CreateTrainedModelAssignmentAction;
import org.elasticsearch.xpack.core.ml.action.StartTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelType;
import org.elasticsearch.xpack.core.ml.inference.assignment.AllocationStatus;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.VocabularyConfig;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/** Starts a deployment of a complete model and waits for the state that was asked for. */
public final class TransportStartDeployment
    extends MlTransportAction<
        StartTrainedModelDeploymentAction.Request, CreateTrainedModelAssignmentAction.Response> {

  @Inject
  public TransportStartDeployment(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(
        StartTrainedModelDeploymentAction.NAME,
        Licences.Need.MACHINE_LEARNING,
        transport,
        filters,
        services);
  }

  @Override
  protected void answer(
      StartTrainedModelDeploymentAction.Request request,
      ActionListener<CreateTrainedModelAssignmentAction.Response> listener) {
    services()
        .node()
        .models(
            listener.delegateFailureAndWrap(
                (afterModels, models) -> {
                  StoredModel model = deployable(request.getModelId(), models);
                  checkDeploymentId(request, models);
                  services()
                      .node()
                      .deployments(
                          afterModels.delegateFailureAndWrap(
                              (next, deployments) -> {
                                checkNotRunning(request, deployments);
                                start(request, model, next);
                              }));
                }));
  }

  private StoredModel deployable(String modelId, List<StoredModel> models) throws Exception {
    StoredModel model =
        models.stream()
            .filter(candidate -> candidate.modelId().equals(modelId))
            .findFirst()
            .orElse(null);
    if (model == null) {
      throw ExceptionsHelper.missingTrainedModel(modelId);
    }
    TrainedModelConfig config = model.parse(services().registry()).build();
    if (config.getModelType() != TrainedModelType.PYTORCH) {
      throw ExceptionsHelper.badRequestException(
          "model [{}] of type [{}] cannot be deployed. Only PyTorch models can be deployed",
          modelId,
          config.getModelType());
    }
    if (model.partsStored() == 0) {
      throw new ResourceNotFoundException(
          Messages.getMessage(Messages.MODEL_DEFINITION_NOT_FOUND, modelId));
    }
    if (model.complete() == false) {
      throw ExceptionsHelper.badRequestException(Messages.UNABLE_TO_DEPLOY_MODEL_BAD_PARTS);
    }
    if (model.hasVocabulary() == false) {
      throw new ResourceNotFoundException(
          Messages.getMessage(
              Messages.VOCABULARY_NOT_FOUND, modelId, VocabularyConfig.docId(modelId)));
    }
    return model;
  }

  private static void checkDeploymentId(
      StartTrainedModelDeploymentAction.Request request, List<StoredModel> models) {
    String deploymentId = request.getDeploymentId();
    boolean isOtherModel =
        deploymentId.equals(request.getModelId()) == false
            && models.stream().anyMatch(model -> model.modelId().equals(deploymentId));
    if (isOtherModel) {
      throw ExceptionsHelper.badRequestException(
          "Deployment id [{}] is the same as an another model which is not the model being"
              + " deployed. Deployment id can be the same as the model being deployed but cannot"
              + " match a different model",
          deploymentId);
    }
  }

  private static void checkNotRunning(
      StartTrainedModelDeploymentAction.Request request, List<Deployment> deployments) {
    String id = request.getDeploymentId();
    if (deployments.stream().anyMatch(deployment -> deployment.deploymentId().equals(id))) {
      throw runsAlready(id);
    }
  }

  private static ElasticsearchStatusException runsAlready(String deploymentId) {
    return ExceptionsHelper.badRequestException(
        "Could not start model deployment because an existing deployment with the same id [{}]"
            + " exist",
        deploymentId);
  }

  private void start(
      StartTrainedModelDeploymentAction.Request request,
      StoredModel model,
      ActionListener<CreateTrainedModelAssignmentAction.Response> listener)
      throws IOException {
    ActionListener<Deployment> waiting =
        listener.delegateFailureAndWrap(
            (next, deployment) -> {
              services().targets().forget();
              ActionListener<Deployment> done =
                  next.map(started -> respond(request, model, started));
              if (request.getWaitForState() == AllocationStatus.State.STARTING) {
                done.onResponse(deployment);
              } else {
                new DeploymentWait(
                        services().node(),
                        services().threadPool(),
                        request.getDeploymentId(),
                        request.getTimeout())
                    .start(done);
              }
            });
    services()
        .node()
        .start(
            request.getDeploymentId(),
            body(request),
            waiting.delegateResponse(
                (next, failure) ->
                    next.onFailure(
                        ModelErrors.is(failure, "already_exists")
                            ? runsAlready(request.getDeploymentId())
                            : failure)));
  }

  private CreateTrainedModelAssignmentAction.Response respond(
      StartTrainedModelDeploymentAction.Request request, StoredModel model, Deployment deployment) {
    services().targets().forget();
    return new CreateTrainedModelAssignmentAction.Response(
        Assignments.assignment(
            deployment,
            model.parse(services().registry()).build(),
            model.definitionLength(),
            request.getAdaptiveAllocationsSettings(),
            services().clusterService().localNode()));
  }

  private static BytesReference body(StartTrainedModelDeploymentAction.Request request)
      throws IOException {
    try (XContentBuilder json = XContentBuilder.builder(XContentType.JSON.xContent())) {
      json.startObject()
          .field("model_id", request.getModelId())
          .field("number_of_allocations", request.computeNumberOfAllocations())
          .field("threads_per_allocation", request.getThreadsPerAllocation())
          .field("queue_capacity", request.getQueueCapacity())
          .field("priority", request.getPriority().toString());
      if (request.getCacheSize() != null) {
        json.field("cache_size", request.getCacheSize().getStringRep());
      }
      return BytesReference.bytes(json.endObject());
    }
  }
}

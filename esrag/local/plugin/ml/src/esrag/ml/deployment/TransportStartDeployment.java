package esrag.ml.deployment;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.model.ModelErrors;
import esrag.ml.model.ModelSelection;
import esrag.ml.node.Catalogue;
import esrag.ml.node.Deployment;
import esrag.ml.node.StoredModel;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.common.unit.ByteSizeValue;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;
import org.elasticsearch.xpack.core.ml.action.CreateTrainedModelAssignmentAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsAction;
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
        .catalogue(
            listener.delegateFailureAndWrap(
                (afterCatalogue, catalogue) -> {
                  if (catalogue.deployment(request.getDeploymentId()).isPresent()) {
                    throw runsAlready(request.getDeploymentId());
                  }
                  services()
                      .endpoints()
                      .find(
                          request.getModelId(),
                          afterCatalogue.delegateFailureAndWrap(
                              (next, endpoint) -> {
                                if (endpoint.isPresent()) {
                                  throw isEndpoint(request.getModelId());
                                }
                                start(request, deployable(request, catalogue), next);
                              }));
                }));
  }

  private static ElasticsearchStatusException isEndpoint(String modelId) {
    return ExceptionsHelper.badRequestException(
        Messages.MODEL_ID_MATCHES_EXISTING_MODEL_IDS_BUT_MUST_NOT, modelId);
  }

  /** The one model that the request names, by its id or an alias, if all of it is there. */
  private StoredModel deployable(
      StartTrainedModelDeploymentAction.Request request, Catalogue catalogue) {
    List<StoredModel> named = named(request.getModelId(), catalogue);
    if (named.size() > 1) {
      throw ExceptionsHelper.badRequestException(
          "cannot deploy more than one model at the same time; [{}] matches models [{}]",
          request.getModelId(),
          named.stream().map(StoredModel::modelId).toList());
    }
    // A wildcard that names nothing gets the server's answer too: a 500 for the empty list.
    StoredModel model = named.get(0);
    String id = model.modelId();
    TrainedModelConfig config = model.parse(services().registry()).build();
    if (config.getModelType() != TrainedModelType.PYTORCH) {
      throw ExceptionsHelper.badRequestException(
          "model [{}] of type [{}] cannot be deployed. Only PyTorch models can be deployed",
          id,
          config.getModelType());
    }
    checkDeploymentId(request, catalogue);
    if (model.parts().isEmpty()) {
      throw new ResourceNotFoundException(
          Messages.getMessage(Messages.MODEL_DEFINITION_NOT_FOUND, id));
    }
    if (model.complete() == false) {
      throw ExceptionsHelper.badRequestException(
          Messages.getMessage(Messages.MODEL_DEFINITION_TRUNCATED, id));
    }
    if (model.hasVocabulary() == false) {
      throw failed(Messages.getMessage(Messages.VOCABULARY_NOT_FOUND, id, vocabularyOf(id)));
    }
    return model;
  }

  private static String vocabularyOf(String modelId) {
    return VocabularyConfig.docId(modelId);
  }

  private static List<StoredModel> named(String expression, Catalogue catalogue) {
    return new ModelSelection(
            expression,
            new GetTrainedModelsAction.Request(expression),
            List.of(),
            Set.of(),
            catalogue)
        .page();
  }

  private static void checkDeploymentId(
      StartTrainedModelDeploymentAction.Request request, Catalogue catalogue) {
    String deploymentId = request.getDeploymentId();
    boolean isOther =
        deploymentId.equals(request.getModelId()) == false
            && (catalogue.model(deploymentId).isPresent()
                || catalogue.aliases().containsKey(deploymentId));
    if (isOther) {
      throw ExceptionsHelper.badRequestException(
          "Deployment id [{}] is the same as an another model which is not the model being"
              + " deployed. Deployment id can be the same as the model being deployed but cannot"
              + " match a different model",
          deploymentId);
    }
  }

  /** What a deployment that fails on its only node is answered with. */
  private ElasticsearchStatusException failed(String reason) {
    return new ElasticsearchStatusException(
        "Could not start trained model deployment, the following nodes failed with errors [{}]",
        RestStatus.INTERNAL_SERVER_ERROR,
        Map.of(services().clusterService().localNode().getId(), reason));
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
              ActionListener<Deployment> done = next.map(started -> respond(model, started));
              if (request.getWaitForState() == AllocationStatus.State.STARTING) {
                done.onResponse(deployment);
              } else {
                new DeploymentWait(
                        services().node(),
                        services().threadPool(),
                        request.getDeploymentId(),
                        request.getTimeout())
                    .start(
                        done.delegateResponse((last, failure) -> giveUp(request, failure, last)));
              }
            });
    services()
        .node()
        .start(
            request.getDeploymentId(),
            body(request, model),
            waiting.delegateResponse(
                (next, failure) ->
                    next.onFailure(
                        ModelErrors.is(failure, "already_exists")
                            ? runsAlready(request.getDeploymentId())
                            : failure)));
  }

  /** A deployment that failed to start is removed; one that only takes long goes on starting. */
  private void giveUp(
      StartTrainedModelDeploymentAction.Request request,
      Exception failure,
      ActionListener<Deployment> listener) {
    if (failure instanceof DeploymentWait.Failed broken) {
      ElasticsearchStatusException told = failed(broken.getMessage());
      services()
          .node()
          .stop(request.getDeploymentId(), ActionListener.running(() -> listener.onFailure(told)));
    } else {
      listener.onFailure(failure);
    }
  }

  private CreateTrainedModelAssignmentAction.Response respond(
      StoredModel model, Deployment deployment) {
    services().targets().forget();
    return new CreateTrainedModelAssignmentAction.Response(
        Assignments.assignment(
            deployment,
            model.parse(services().registry()).build(),
            model.definitionLength(),
            services().clusterService().localNode()));
  }

  private static BytesReference body(
      StartTrainedModelDeploymentAction.Request request, StoredModel model) throws IOException {
    // Without a wish the cache is as large as the model.
    ByteSizeValue cache =
        Objects.requireNonNullElse(
            request.getCacheSize(), ByteSizeValue.ofBytes(model.definitionLength()));
    try (XContentBuilder json = XContentBuilder.builder(XContentType.JSON.xContent())) {
      json.startObject()
          .field("model_id", model.modelId())
          .field("number_of_allocations", request.computeNumberOfAllocations())
          .field("threads_per_allocation", request.getThreadsPerAllocation())
          .field("queue_capacity", request.getQueueCapacity())
          .field("priority", request.getPriority().toString())
          .field("cache_size", cache.getStringRep());
      if (request.getAdaptiveAllocationsSettings() != null) {
        json.field("adaptive_allocations", request.getAdaptiveAllocationsSettings());
      }
      return BytesReference.bytes(json.endObject());
    }
  }
}

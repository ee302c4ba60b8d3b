package esrag.ml.rest;

import static esrag.ml.rest.TrainedModelRoutes.MODEL;
import static org.elasticsearch.rest.RestRequest.Method.POST;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import org.elasticsearch.common.ValidationException;
import org.elasticsearch.common.unit.ByteSizeValue;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestHandler.Route;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestUtils;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xpack.core.ml.action.ClearDeploymentCacheAction;
import org.elasticsearch.xpack.core.ml.action.InferModelAction;
import org.elasticsearch.xpack.core.ml.action.InferTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.action.StartTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.action.StopTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.action.UpdateTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.inference.assignment.AllocationStatus;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/** Routes under {@code _ml/trained_models} that start, stop and use deployments. */
public final class DeploymentRoutes {
  private static final String INFER = MODEL + "/_infer";
  private static final String ID = "model_id";
  private static final String NUMBER = "number_of_allocations";

  private DeploymentRoutes() {}

  /** All of them. */
  public static List<RestHandler> all() {
    return List.of(start(), update(), stop(), clearCache(), infer(), inferOne());
  }

  private static RestHandler start() {
    return new Handler(
        "esrag_start_trained_model_deployment",
        List.of(new Route(POST, MODEL + "/deployment/_start")),
        (request, client) -> {
          StartTrainedModelDeploymentAction.Request start = startRequest(request);
          return channel ->
              client.execute(
                  StartTrainedModelDeploymentAction.INSTANCE,
                  start,
                  new RestToXContentListener<>(channel));
        });
  }

  /** Parameters may come in the address or in a body; a parameter in the address wins. */
  private static StartTrainedModelDeploymentAction.Request startRequest(RestRequest request)
      throws IOException {
    String modelId = request.param(ID);
    String deploymentId = request.param("deployment_id", modelId);
    StartTrainedModelDeploymentAction.Request start;
    if (request.hasContentOrSourceParam()) {
      try (XContentParser parser = request.contentOrSourceParamParser()) {
        start =
            StartTrainedModelDeploymentAction.Request.parseRequest(modelId, deploymentId, parser);
      }
    } else {
      start = new StartTrainedModelDeploymentAction.Request(modelId, deploymentId);
    }
    if (request.hasParam("timeout")) {
      start.setTimeout(request.paramAsTime("timeout", start.getTimeout()));
    }
    if (request.hasParam("wait_for")) {
      start.setWaitForState(AllocationStatus.State.fromString(request.param("wait_for")));
    }
    if (request.hasParam(NUMBER)) {
      start.setNumberOfAllocations(request.paramAsInt(NUMBER, 1));
    }
    if (request.hasParam("threads_per_allocation")) {
      start.setThreadsPerAllocation(request.paramAsInt("threads_per_allocation", 1));
    }
    if (request.hasParam("queue_capacity")) {
      start.setQueueCapacity(request.paramAsInt("queue_capacity", start.getQueueCapacity()));
    }
    if (request.hasParam("cache_size")) {
      start.setCacheSize(
          ByteSizeValue.parseBytesSizeValue(request.param("cache_size"), "cache_size"));
    }
    if (request.hasParam("priority")) {
      start.setPriority(request.param("priority").toLowerCase(Locale.ROOT));
    }
    return start;
  }

  private static RestHandler update() {
    return new Handler(
        "esrag_update_trained_model_deployment",
        List.of(new Route(POST, MODEL + "/deployment/_update")),
        (request, client) -> {
          String id = request.param(ID);
          UpdateTrainedModelDeploymentAction.Request update;
          if (request.hasContentOrSourceParam()) {
            try (XContentParser parser = request.contentOrSourceParamParser()) {
              update = UpdateTrainedModelDeploymentAction.Request.parseRequest(id, parser);
            }
          } else {
            update = new UpdateTrainedModelDeploymentAction.Request(id);
          }
          if (request.hasParam(NUMBER)) {
            update.setNumberOfAllocations(request.paramAsInt(NUMBER, 1));
          }
          update.ackTimeout(RestUtils.getAckTimeout(request));
          update.masterNodeTimeout(RestUtils.getMasterNodeTimeout(request));
          return channel ->
              client.execute(
                  UpdateTrainedModelDeploymentAction.INSTANCE,
                  update,
                  new RestToXContentListener<>(channel));
        });
  }

  private static RestHandler clearCache() {
    return new Handler(
        "esrag_clear_trained_model_deployment_cache",
        List.of(new Route(POST, MODEL + "/deployment/cache/_clear")),
        (request, client) -> {
          ClearDeploymentCacheAction.Request clear =
              new ClearDeploymentCacheAction.Request(request.param(ID));
          return channel ->
              client.execute(
                  ClearDeploymentCacheAction.INSTANCE,
                  clear,
                  new RestToXContentListener<>(channel));
        });
  }

  private static RestHandler stop() {
    return new Handler(
        "esrag_stop_trained_model_deployment",
        List.of(new Route(POST, MODEL + "/deployment/_stop")),
        (request, client) -> {
          String id = request.param(ID);
          StopTrainedModelDeploymentAction.Request stop;
          if (request.hasContentOrSourceParam()) {
            try (XContentParser parser = request.contentOrSourceParamParser()) {
              stop = StopTrainedModelDeploymentAction.Request.parseRequest(id, parser);
            }
          } else {
            stop = new StopTrainedModelDeploymentAction.Request(id);
          }
          stop.setAllowNoMatch(request.paramAsBoolean("allow_no_match", stop.isAllowNoMatch()));
          stop.setForce(request.paramAsBoolean("force", stop.isForce()));
          stop.setFinishPendingWork(
              request.paramAsBoolean("finish_pending_work", stop.shouldFinishPendingWork()));
          return channel ->
              client.execute(
                  StopTrainedModelDeploymentAction.INSTANCE,
                  stop,
                  new RestToXContentListener<>(channel));
        });
  }

  private static RestHandler infer() {
    return new Handler(
        "esrag_infer_trained_model",
        List.of(new Route(POST, INFER)),
        (request, client) -> {
          InferModelAction.Request infer = inferRequest(request);
          return channel ->
              client.execute(
                  InferModelAction.EXTERNAL_INSTANCE, infer, new RestToXContentListener<>(channel));
        });
  }

  /** The old path: one document, and its result alone. */
  private static RestHandler inferOne() {
    String path = MODEL + "/deployment/_infer";
    String advice = "[POST %s] is deprecated! Use [POST %s] instead.".formatted(path, INFER);
    return new Handler(
        "esrag_infer_trained_model_deployment",
        List.of(Route.builder(POST, path).deprecateAndKeep(advice).build()),
        (request, client) -> {
          InferModelAction.Request infer = inferRequest(request);
          if (infer.getObjectsToInfer() != null && infer.getObjectsToInfer().size() > 1) {
            throw new ValidationException()
                .addValidationError("multiple documents are not supported");
          }
          return channel ->
              client.execute(
                  InferModelAction.EXTERNAL_INSTANCE,
                  infer,
                  new RestToXContentListener<InferTrainedModelDeploymentAction.Response>(channel)
                      .map(
                          response ->
                              new InferTrainedModelDeploymentAction.Response(
                                  response.getInferenceResults())));
        });
  }

  private static InferModelAction.Request inferRequest(RestRequest request) throws IOException {
    String id = request.param(ID);
    if (request.hasContent() == false) {
      throw ExceptionsHelper.badRequestException("requires body");
    }
    InferModelAction.Request.Builder builder;
    try (XContentParser parser = request.contentParser()) {
      builder = InferModelAction.Request.parseRequest(id, parser);
    }
    if (request.hasParam("timeout")) {
      TimeValue standard = InferModelAction.Request.DEFAULT_TIMEOUT_FOR_API;
      builder.setInferenceTimeout(request.paramAsTime("timeout", standard));
    }
    return builder.build();
  }
}

package esrag.ml.rest;

import static esrag.ml.rest.TrainedModelRoutes.MODEL;
import static org.elasticsearch.rest.RestRequest.Method.POST;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import org.elasticsearch.common.unit.ByteSizeValue;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestHandler.Route;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xpack.core.ml.action.InferModelAction;
import org.elasticsearch.xpack.core.ml.action.StartTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.action.StopTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.inference.assignment.AllocationStatus;

/** Routes under {@code _ml/trained_models} that start, stop and use deployments. */
public final class DeploymentRoutes {
  private static final String ID = "model_id";

  private DeploymentRoutes() {}

  /** All of them. */
  public static List<RestHandler> all() {
    return List.of(start(), stop(), infer());
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
    if (request.hasParam("number_of_allocations")) {
      start.setNumberOfAllocations(request.paramAsInt("number_of_allocations", 1));
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
    String oldPath = MODEL + "/deployment/_infer";
    return new Handler(
        "esrag_infer_trained_model",
        List.of(
            new Route(POST, MODEL + "/_infer"),
            Route.builder(POST, oldPath)
                .deprecateAndKeep(
                    "["
                        + POST.name()
                        + " "
                        + oldPath
                        + "] is deprecated! Use [POST /_ml/trained_models/{model_id}/_infer]"
                        + " instead.")
                .build()),
        (request, client) -> {
          String id = request.param(ID);
          InferModelAction.Request.Builder builder;
          try (XContentParser parser = request.contentParser()) {
            builder = InferModelAction.Request.parseRequest(id, parser);
          }
          if (request.hasParam("timeout")) {
            TimeValue standard = InferModelAction.Request.DEFAULT_TIMEOUT_FOR_API;
            builder.setInferenceTimeout(request.paramAsTime("timeout", standard));
          }
          InferModelAction.Request infer = builder.build();
          return channel ->
              client.execute(
                  InferModelAction.EXTERNAL_INSTANCE, infer, new RestToXContentListener<>(channel));
        });
  }
}

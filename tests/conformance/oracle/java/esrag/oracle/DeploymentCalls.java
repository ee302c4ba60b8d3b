package esrag.oracle;

import java.util.Map;
import org.elasticsearch.common.unit.ByteSizeValue;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xpack.core.ml.action.ClearDeploymentCacheAction;
import org.elasticsearch.xpack.core.ml.action.InferModelAction;
import org.elasticsearch.xpack.core.ml.action.StartTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.action.StopTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.action.UpdateTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.inference.assignment.AllocationStatus;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/** Calls under {@code _ml/trained_models} that run and use models. */
final class DeploymentCalls {
  private static final String ID = "model_id";
  private static final ToXContent NOTHING = (json, params) -> json;

  private DeploymentCalls() {}

  static Map<String, Reading> all() {
    return Map.of(
        "start_deployment", DeploymentCalls::start,
        "update_deployment", DeploymentCalls::update,
        "stop_deployment", DeploymentCalls::stop,
        "clear_deployment_cache", DeploymentCalls::clearCache,
        "infer", DeploymentCalls::infer);
  }

  private static Reading.Accepted start(RestRequest rest) throws Exception {
    String modelId = rest.param(ID);
    String deploymentId = rest.param("deployment_id", modelId);
    StartTrainedModelDeploymentAction.Request request =
        new StartTrainedModelDeploymentAction.Request(modelId, deploymentId);
    if (rest.hasContentOrSourceParam()) {
      try (XContentParser parser = rest.contentOrSourceParamParser()) {
        request =
            StartTrainedModelDeploymentAction.Request.parseRequest(modelId, deploymentId, parser);
      }
    }
    request.setTimeout(rest.paramAsTime("timeout", request.getTimeout()));
    if (rest.hasParam("wait_for")) {
      request.setWaitForState(AllocationStatus.State.fromString(rest.param("wait_for")));
    }
    if (rest.hasParam("number_of_allocations")) {
      request.setNumberOfAllocations(rest.paramAsInt("number_of_allocations", 1));
    }
    request.setThreadsPerAllocation(
        rest.paramAsInt("threads_per_allocation", request.getThreadsPerAllocation()));
    request.setQueueCapacity(rest.paramAsInt("queue_capacity", request.getQueueCapacity()));
    if (rest.hasParam("cache_size")) {
      request.setCacheSize(
          ByteSizeValue.parseBytesSizeValue(rest.param("cache_size"), "cache_size"));
    }
    if (rest.hasParam("priority")) {
      request.setPriority(rest.param("priority"));
    }
    return new Reading.Accepted(request, request);
  }

  private static Reading.Accepted update(RestRequest rest) throws Exception {
    String id = rest.param(ID);
    UpdateTrainedModelDeploymentAction.Request request =
        new UpdateTrainedModelDeploymentAction.Request(id);
    if (rest.hasContentOrSourceParam()) {
      try (XContentParser parser = rest.contentOrSourceParamParser()) {
        request = UpdateTrainedModelDeploymentAction.Request.parseRequest(id, parser);
      }
    }
    if (rest.hasParam("number_of_allocations")) {
      request.setNumberOfAllocations(rest.paramAsInt("number_of_allocations", 0));
    }
    return new Reading.Accepted(request, request);
  }

  private static Reading.Accepted stop(RestRequest rest) throws Exception {
    String id = rest.param(ID);
    StopTrainedModelDeploymentAction.Request request =
        new StopTrainedModelDeploymentAction.Request(id);
    if (rest.hasContentOrSourceParam()) {
      try (XContentParser parser = rest.contentOrSourceParamParser()) {
        request = StopTrainedModelDeploymentAction.Request.parseRequest(id, parser);
      }
    }
    request.setAllowNoMatch(rest.paramAsBoolean("allow_no_match", request.isAllowNoMatch()));
    request.setForce(rest.paramAsBoolean("force", request.isForce()));
    return new Reading.Accepted(request, request);
  }

  private static Reading.Accepted clearCache(RestRequest rest) {
    return new Reading.Accepted(new ClearDeploymentCacheAction.Request(rest.param(ID)), NOTHING);
  }

  private static Reading.Accepted infer(RestRequest rest) throws Exception {
    if (rest.hasContent() == false) {
      throw ExceptionsHelper.badRequestException("requires body");
    }
    InferModelAction.Request.Builder builder;
    try (XContentParser parser = rest.contentParser()) {
      builder = InferModelAction.Request.parseRequest(rest.param(ID), parser);
    }
    TimeValue timeout =
        rest.paramAsTime("timeout", InferModelAction.Request.DEFAULT_TIMEOUT_FOR_API);
    InferModelAction.Request request = builder.setInferenceTimeout(timeout).build();
    return new Reading.Accepted(request, NOTHING);
  }
}

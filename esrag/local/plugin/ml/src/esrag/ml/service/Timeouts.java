package esrag.ml.service;

import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.xpack.core.inference.action.BaseInferenceActionRequest;

/** How long a request to a service may take when the caller did not say. */
final class Timeouts {
  private Timeouts() {}

  static TimeValue of(TimeValue asked, TaskType taskType) {
    return asked == null || asked.millis() <= 0
        ? BaseInferenceActionRequest.getDefaultTimeoutForTaskType(taskType)
        : BaseInferenceActionRequest.resolveTimeoutForTaskType(taskType, asked);
  }
}

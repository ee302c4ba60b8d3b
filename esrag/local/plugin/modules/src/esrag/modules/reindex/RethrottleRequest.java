package esrag.modules.reindex;

import java.io.IOException;
import org.elasticsearch.action.support.tasks.BaseTasksRequest;
import org.elasticsearch.common.io.stream.StreamInput;
import org.elasticsearch.common.io.stream.StreamOutput;

/** Asks for another rate of a running task, or of all that a task leads. */
final class RethrottleRequest extends BaseTasksRequest<RethrottleRequest> {
  private final float requestsPerSecond;

  RethrottleRequest(float requestsPerSecond) {
    this.requestsPerSecond = requestsPerSecond;
  }

  RethrottleRequest(StreamInput in) throws IOException {
    super(in);
    requestsPerSecond = in.readFloat();
  }

  float requestsPerSecond() {
    return requestsPerSecond;
  }

  @Override
  public void writeTo(StreamOutput out) throws IOException {
    super.writeTo(out);
    out.writeFloat(requestsPerSecond);
  }
}

package esrag.ml.deployment;

import esrag.ml.node.Deployment;
import java.util.List;
import org.elasticsearch.cluster.node.DiscoveryNode;
import org.elasticsearch.common.unit.ByteSizeValue;
import org.elasticsearch.xpack.core.ml.action.StartTrainedModelDeploymentAction.TaskParams;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;
import org.elasticsearch.xpack.core.ml.inference.assignment.AdaptiveAllocationsSettings;
import org.elasticsearch.xpack.core.ml.inference.assignment.AllocationStatus;
import org.elasticsearch.xpack.core.ml.inference.assignment.AssignmentState;
import org.elasticsearch.xpack.core.ml.inference.assignment.AssignmentStats;
import org.elasticsearch.xpack.core.ml.inference.assignment.Priority;
import org.elasticsearch.xpack.core.ml.inference.assignment.RoutingInfo;
import org.elasticsearch.xpack.core.ml.inference.assignment.RoutingState;
import org.elasticsearch.xpack.core.ml.inference.assignment.RoutingStateAndReason;
import org.elasticsearch.xpack.core.ml.inference.assignment.TrainedModelAssignment;

/**
 * Puts a deployment of the ML node process into x-pack-core's own shapes, as if its allocations ran
 * on this Elasticsearch node.
 */
final class Assignments {
  private Assignments() {}

  static TrainedModelAssignment assignment(
      Deployment deployment, TrainedModelConfig config, long modelBytes, DiscoveryNode node) {
    TaskParams params =
        new TaskParams(
            deployment.modelId(),
            deployment.deploymentId(),
            modelBytes,
            deployment.targetAllocations(),
            deployment.threadsPerAllocation(),
            deployment.queueCapacity(),
            cacheSize(deployment),
            Priority.fromString(deployment.priority()),
            config.getPerDeploymentMemoryBytes(),
            config.getPerAllocationMemoryBytes());
    return TrainedModelAssignment.Builder.empty(params, adaptive(deployment))
        .setStartTime(deployment.startTime())
        .addRoutingEntry(
            node.getId(),
            new RoutingInfo(
                deployment.currentAllocations(),
                deployment.targetAllocations(),
                routing(deployment),
                deployment.reason()))
        .setMaxAssignedAllocations(deployment.targetAllocations())
        .calculateAndSetAssignmentState()
        .build();
  }

  static AssignmentStats stats(Deployment deployment, long rejectedHere, DiscoveryNode node) {
    AssignmentStats stats =
        new AssignmentStats(
            deployment.deploymentId(),
            deployment.modelId(),
            deployment.threadsPerAllocation(),
            deployment.targetAllocations(),
            adaptive(deployment),
            deployment.queueCapacity(),
            cacheSize(deployment),
            deployment.startTime(),
            List.of(nodeStats(deployment, rejectedHere, node)),
            Priority.fromString(deployment.priority()));
    stats.setState(state(deployment));
    stats.setAllocationStatus(
        new AllocationStatus(deployment.currentAllocations(), deployment.targetAllocations()));
    if (deployment.reason().isEmpty() == false) {
      stats.setReason(deployment.reason());
    }
    return stats;
  }

  private static AssignmentStats.NodeStats nodeStats(
      Deployment deployment, long rejectedHere, DiscoveryNode node) {
    if (deployment.started() == false) {
      return AssignmentStats.NodeStats.forNotStartedState(
          node, routing(deployment), deployment.reason());
    }
    Deployment.Counters counters = deployment.counters();
    return new AssignmentStats.NodeStats(
        node,
        counters.inferences(),
        counters.averageMillis(),
        counters.averageMillis(),
        counters.lastAccess(),
        (int) counters.pending(),
        (int) counters.errors(),
        counters.cacheHits(),
        (int) (counters.rejected() + rejectedHere),
        (int) counters.timeouts(),
        new RoutingStateAndReason(RoutingState.STARTED, null),
        deployment.startTime(),
        deployment.threadsPerAllocation(),
        deployment.currentAllocations(),
        counters.peakMinute(),
        counters.lastMinute(),
        null,
        0L);
  }

  /** The wish that the number of allocations follows the load, or null. */
  static AdaptiveAllocationsSettings adaptive(Deployment deployment) {
    Deployment.Adaptive wish = deployment.adaptive();
    return wish == null
        ? null
        : new AdaptiveAllocationsSettings(wish.enabled(), wish.min(), wish.max());
  }

  private static ByteSizeValue cacheSize(Deployment deployment) {
    return deployment.cacheSize() == null
        ? null
        : ByteSizeValue.parseBytesSizeValue(deployment.cacheSize(), "cache_size");
  }

  private static RoutingState routing(Deployment deployment) {
    return switch (deployment.state()) {
      case "started" -> RoutingState.STARTED;
      case "stopping" -> RoutingState.STOPPING;
      case "failed" -> RoutingState.FAILED;
      default -> RoutingState.STARTING;
    };
  }

  private static AssignmentState state(Deployment deployment) {
    return switch (deployment.state()) {
      case "started" -> AssignmentState.STARTED;
      case "stopping" -> AssignmentState.STOPPING;
      case "failed" -> AssignmentState.FAILED;
      default -> AssignmentState.STARTING;
    };
  }
}

package esrag.ml.node;

import java.time.Instant;
import java.util.Map;

/**
 * A deployment as the ML node process reports it; on a cluster this is the assignment in the
 * cluster state together with the statistics of the native processes.
 */
public record Deployment(
    String deploymentId,
    String modelId,
    String state,
    String reason,
    Instant startTime,
    int allocations,
    int targetAllocations,
    int threadsPerAllocation,
    int queueCapacity,
    String priority,
    String cacheSize,
    Adaptive adaptive,
    Counters counters) {

  /** The wish that the number of allocations follows the load; null for what was not said. */
  public record Adaptive(Boolean enabled, Integer min, Integer max) {

    private static Adaptive of(Map<String, Object> map) {
      if (map.isEmpty()) {
        return null;
      }
      return new Adaptive(
          (Boolean) map.get("enabled"),
          (Integer) map.get("min_number_of_allocations"),
          (Integer) map.get("max_number_of_allocations"));
    }
  }

  /** What the deployment has counted since it started. */
  public record Counters(
      long inferences,
      long errors,
      long rejected,
      long timeouts,
      long cacheHits,
      Double averageMillis,
      long pending,
      Instant lastAccess,
      long lastMinute,
      long peakMinute) {

    private static Counters of(Map<String, Object> map) {
      Long lastAccess = Json.number(map, "last_access_ms");
      return new Counters(
          Json.number(map, "inference_count", 0),
          Json.number(map, "error_count", 0),
          Json.number(map, "rejected_execution_count", 0),
          Json.number(map, "timeout_count", 0),
          Json.number(map, "inference_cache_hit_count", 0),
          Json.decimal(map, "average_inference_time_ms"),
          Json.number(map, "number_of_pending_requests", 0),
          lastAccess == null ? null : Instant.ofEpochMilli(lastAccess),
          Json.number(map, "throughput_last_minute", 0),
          Json.number(map, "peak_throughput_per_minute", 0));
    }
  }

  static Deployment of(Map<String, Object> map) {
    int allocations = (int) Json.number(map, "number_of_allocations", 1);
    return new Deployment(
        Json.text(map, "deployment_id"),
        Json.text(map, "model_id"),
        Json.text(map, "state", "starting"),
        Json.text(map, "reason", ""),
        Instant.ofEpochMilli(Json.number(map, "start_time_ms", 0)),
        allocations,
        (int) Json.number(map, "target_allocations", allocations),
        (int) Json.number(map, "threads_per_allocation", 1),
        (int) Json.number(map, "queue_capacity", 1024),
        Json.text(map, "priority", "normal"),
        Json.text(map, "cache_size"),
        Adaptive.of(Json.object(map, "adaptive_allocations")),
        Counters.of(map));
  }

  /** Whether texts can be sent to it. */
  public boolean started() {
    return "started".equals(state);
  }

  /** Whether it will not start any more. */
  public boolean failed() {
    return "failed".equals(state);
  }

  /** How many allocations are running now. */
  public int currentAllocations() {
    return started() ? allocations : 0;
  }
}

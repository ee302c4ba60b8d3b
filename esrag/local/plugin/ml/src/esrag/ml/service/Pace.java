package esrag.ml.service;

import esrag.ml.endpoint.Endpoint;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.threadpool.ThreadPool;

/**
 * Spaces the requests of each endpoint so that no more than its limit go out in a minute. As on the
 * server, nothing is saved up: after a pause one request may go at once, and the next has to wait.
 */
final class Pace {
  private final ThreadPool threadPool;
  private final Map<String, Turn> turns = new ConcurrentHashMap<>();

  Pace(ThreadPool threadPool) {
    this.threadPool = threadPool;
  }

  /** When the next request of an endpoint may go, under the limit that it has now. */
  private static final class Turn {
    private long next = System.nanoTime();

    /** Takes a turn that comes in time; returns how long to wait for it, or a negative number. */
    synchronized long take(long interval, long patience) {
      long now = System.nanoTime();
      long wait = Math.max(0, next - now);
      if (wait > patience) {
        return -1;
      }
      next = now + wait + interval;
      return wait;
    }
  }

  /** Does something when it is an endpoint's turn, unless that is later than anybody waits for. */
  void await(Endpoint endpoint, TimeValue timeout, ActionListener<Void> listener) {
    long interval = TimeUnit.MINUTES.toNanos(1) / perMinute(endpoint);
    long wait =
        turns
            .computeIfAbsent(endpoint.inferenceId(), ignored -> new Turn())
            .take(interval, timeout.nanos());
    if (wait == 0) {
      listener.onResponse(null);
    } else if (wait < 0) {
      listener.onFailure(
          new ElasticsearchStatusException(
              "Request timed out after [{}]", RestStatus.REQUEST_TIMEOUT, timeout));
    } else {
      threadPool.schedule(
          () -> listener.onResponse(null), TimeValue.timeValueNanos(wait), threadPool.generic());
    }
  }

  private static long perMinute(Endpoint endpoint) {
    return endpoint.settings().get(SettingsReader.RATE_LIMIT) instanceof Map<?, ?> limit
            && limit.get(SettingsReader.REQUESTS_PER_MINUTE) instanceof Number rate
        ? Math.max(1, rate.longValue())
        : Long.MAX_VALUE;
  }
}

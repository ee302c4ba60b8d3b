package esrag.ml.ingest;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.function.BiConsumer;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.inference.InferenceResults;

/**
 * Gathers the texts of many documents into requests of a good size, a few of them on the way at
 * once.
 *
 * <p>A request leaves when it is full, or a moment after its first text came; while as many
 * requests as allowed are on the way, texts wait and leave with the next answer. More texts than
 * the deployment's queue holds are turned away, as the server does. Knows nothing of documents.
 */
final class Batcher {
  /** Sends one request; answers one result per text, in order. */
  interface Sender {
    void send(List<String> texts, ActionListener<List<InferenceResults>> listener);
  }

  /**
   * How large requests grow, how many are on the way, how many texts may wait.
   *
   * @param requestSize texts in one request
   * @param requests requests on the way at once
   * @param waiting texts waiting to leave
   */
  record Limits(int requestSize, int requests, int waiting) {}

  private record Item(String text, ActionListener<InferenceResults> listener) {}

  private final Sender sender;
  private final Limits limits;
  private final BiConsumer<Long, Runnable> scheduler;
  private final Queue<Item> queue = new ArrayDeque<>();
  private int onTheWay;
  private boolean alarmSet;

  Batcher(Sender sender, Limits limits, BiConsumer<Long, Runnable> scheduler) {
    this.sender = sender;
    this.limits = limits;
    this.scheduler = scheduler;
  }

  /** Takes a text, or answers false when too many wait already. */
  boolean offer(String text, ActionListener<InferenceResults> listener) {
    List<Item> full;
    boolean setAlarm;
    synchronized (this) {
      if (queue.size() >= limits.waiting()) {
        return false;
      }
      queue.add(new Item(text, listener));
      full = queue.size() >= limits.requestSize() ? take() : List.of();
      setAlarm = alarmSet == false && queue.isEmpty() == false;
      alarmSet |= setAlarm;
    }
    if (setAlarm) {
      scheduler.accept(Batches.GATHER_MILLIS, this::alarm);
    }
    send(full);
    return true;
  }

  /** Whether nothing waits and nothing is on the way. */
  synchronized boolean idle() {
    return queue.isEmpty() && onTheWay == 0;
  }

  private void alarm() {
    List<Item> items;
    synchronized (this) {
      alarmSet = false;
      items = take();
    }
    send(items);
  }

  private synchronized List<Item> take() {
    if (queue.isEmpty() || onTheWay >= limits.requests()) {
      return List.of();
    }
    List<Item> items = new ArrayList<>(Math.min(queue.size(), limits.requestSize()));
    while (items.size() < limits.requestSize() && queue.isEmpty() == false) {
      items.add(queue.remove());
    }
    onTheWay++;
    return items;
  }

  private void send(List<Item> items) {
    if (items.isEmpty()) {
      return;
    }
    List<String> texts = items.stream().map(Item::text).toList();
    ActionListener<List<InferenceResults>> answered =
        ActionListener.notifyOnce(
            ActionListener.wrap(
                results -> {
                  proceed();
                  for (int i = 0; i < items.size(); i++) {
                    items.get(i).listener().onResponse(results.get(i));
                  }
                },
                failure -> {
                  proceed();
                  items.forEach(item -> item.listener().onFailure(failure));
                }));
    ActionListener.run(answered, listener -> sender.send(texts, listener));
  }

  /** Makes room for the next request; it leaves before the answers of this one are handed out. */
  private void proceed() {
    List<Item> next;
    synchronized (this) {
      onTheWay--;
      next = take();
    }
    send(next);
  }
}

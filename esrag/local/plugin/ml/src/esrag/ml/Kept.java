package esrag.ml;

import java.util.function.Consumer;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.SubscribableListener;

/**
 * A value that is looked up once for all who ask at the same time, and kept until it is forgotten.
 * A failure is not kept. What was being looked up while it was forgotten is handed out, not kept.
 */
public final class Kept<T> {
  private T value;
  private SubscribableListener<T> running;

  /**
   * Hands over the value, at once when it is kept.
   *
   * @param lookup starts looking it up
   */
  public void get(Consumer<ActionListener<T>> lookup, ActionListener<T> listener) {
    T kept;
    SubscribableListener<T> shared = null;
    boolean mine = false;
    synchronized (this) {
      kept = value;
      if (kept == null) {
        mine = running == null;
        if (mine) {
          running = new SubscribableListener<>();
        }
        shared = running;
      }
    }
    if (kept != null) {
      listener.onResponse(kept);
      return;
    }
    shared.addListener(listener);
    if (mine) {
      start(lookup, shared);
    }
  }

  /** Looks the value up anew for whoever asks from now on. */
  public synchronized void forget() {
    value = null;
    running = null;
  }

  private void start(Consumer<ActionListener<T>> lookup, SubscribableListener<T> lookedUp) {
    ActionListener<T> settled =
        ActionListener.wrap(
            found -> {
              settle(lookedUp, found);
              lookedUp.onResponse(found);
            },
            failure -> {
              settle(lookedUp, null);
              lookedUp.onFailure(failure);
            });
    ActionListener.run(settled, lookup::accept);
  }

  private synchronized void settle(SubscribableListener<T> lookedUp, T found) {
    if (running == lookedUp) {
      running = null;
      value = found;
    }
  }
}

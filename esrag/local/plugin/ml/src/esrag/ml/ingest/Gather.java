package esrag.ml.ingest;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.xpack.core.ml.inference.results.ErrorInferenceResults;

/** Waits for the results of one document's texts and hands them over together, in order. */
final class Gather {
  private final AtomicReferenceArray<InferenceResults> results;
  private final AtomicInteger missing;
  private final AtomicReference<Exception> failure = new AtomicReference<>();
  private final ActionListener<List<InferenceResults>> listener;

  Gather(int texts, int expected, ActionListener<List<InferenceResults>> listener) {
    this.results = new AtomicReferenceArray<>(texts);
    this.missing = new AtomicInteger(expected);
    this.listener = listener;
  }

  /** Where the result of the text in this position goes. */
  ActionListener<InferenceResults> slot(int position) {
    return ActionListener.wrap(
        result -> {
          if (result instanceof ErrorInferenceResults error) {
            failure.compareAndSet(null, error.getException());
          } else {
            results.set(position, result);
          }
          arrived();
        },
        exception -> {
          failure.compareAndSet(null, exception);
          arrived();
        });
  }

  private void arrived() {
    if (missing.decrementAndGet() > 0) {
      return;
    }
    if (failure.get() != null) {
      listener.onFailure(failure.get());
      return;
    }
    InferenceResults[] all = new InferenceResults[results.length()];
    Arrays.setAll(all, results::get);
    listener.onResponse(Arrays.asList(all));
  }
}

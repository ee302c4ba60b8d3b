package esrag.ml.infer;

import java.util.List;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.inference.InferenceResults;

/** Decides what an id names: an inference endpoint first, then a deployment or a model. */
public final class Coordinator {
  private final Inferrer inferrer;

  public Coordinator(Inferrer inferrer) {
    this.inferrer = inferrer;
  }

  /** Has texts inferred by whatever the id names. */
  public void infer(
      String id, Inferrer.Ask ask, ActionListener<List<InferenceResults>> listener) {
    inferrer.infer(id, ask, listener);
  }
}

package esrag.ml.ingest;

import esrag.ml.infer.Targets;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.InferenceConfigUpdate;

/** Texts of documents, sent to deployments in batches. */
public final class CoordinatedTexts implements TextInference {
  private final Batches batches;
  private final Targets targets;

  public CoordinatedTexts(Batches batches, Targets targets) {
    this.batches = batches;
    this.targets = targets;
  }

  @Override
  public void infer(
      String id,
      String text,
      InferenceConfigUpdate update,
      ActionListener<InferenceResults> listener) {
    batches.infer(id, text, update, listener);
  }

  @Override
  public void inputField(String id, ActionListener<String> listener) {
    targets.find(
        id, listener.delegateFailureAndWrap((next, target) -> next.onResponse(target.inputField())));
  }
}

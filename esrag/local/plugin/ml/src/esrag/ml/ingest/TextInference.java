package esrag.ml.ingest;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.InferenceConfigUpdate;

/**
 * Infers single texts for documents on their way in; who does it, and how many at once, is hidden.
 */
public interface TextInference {

  /**
   * One text of a document.
   *
   * @param id the endpoint, deployment or model that is to infer it
   * @param text the text
   * @param update wishes on top of the model's config
   * @param whole whether the whole document was given to a model, which no endpoint can take
   */
  record Piece(String id, String text, InferenceConfigUpdate update, boolean whole) {}

  /** Has one text inferred. */
  void infer(Piece piece, ActionListener<InferenceResults> listener);

  /** The document field that the model behind the id reads. */
  void inputField(String id, ActionListener<String> listener);

  /** The name of the model that documents are told: an alias is replaced by its model. */
  void shownId(String id, ActionListener<String> listener);
}

package esrag.ml.ingest;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.InferenceConfigUpdate;

/** Infers single texts for documents on their way in; who does it, and how many at once, is hidden. */
public interface TextInference {

  /** Has one text inferred by an endpoint, deployment or model. */
  void infer(
      String id,
      String text,
      InferenceConfigUpdate update,
      ActionListener<InferenceResults> listener);

  /** The document field that the model behind the id reads. */
  void inputField(String id, ActionListener<String> listener);
}

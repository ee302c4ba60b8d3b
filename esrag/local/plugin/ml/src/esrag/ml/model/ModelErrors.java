package esrag.ml.model;

import esrag.ml.node.MlNodeException;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;

/** The server's own answers for what the ML node process refuses about models. */
public final class ModelErrors {
  private ModelErrors() {}

  /** 404 for a model that is needed and not there. */
  public static Exception missing(String modelId) {
    return new ResourceNotFoundException(
        Messages.getMessage(Messages.INFERENCE_NOT_FOUND, modelId));
  }

  /** Whether the failure is a refusal of this kind. */
  public static boolean is(Exception failure, String kind) {
    return failure instanceof MlNodeException refusal && refusal.kind().equals(kind);
  }

  /** A listener that answers 404 when the model turns out to be missing. */
  public static <T> ActionListener<T> missingAs404(String modelId, ActionListener<T> listener) {
    return listener.delegateResponse(
        (next, failure) -> next.onFailure(is(failure, "not_found") ? missing(modelId) : failure));
  }
}

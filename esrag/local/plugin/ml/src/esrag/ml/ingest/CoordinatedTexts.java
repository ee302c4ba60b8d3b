package esrag.ml.ingest;

import esrag.ml.endpoint.Coordinator;
import esrag.ml.endpoint.Endpoint;
import esrag.ml.endpoint.EndpointStore;
import esrag.ml.endpoint.Providers;
import esrag.ml.infer.Target;
import esrag.ml.infer.Targets;
import java.util.Optional;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/**
 * Decides for each text of a document who infers it: an inference endpoint of this name first, then
 * a deployment. Either way the texts of many documents go together.
 */
public final class CoordinatedTexts implements TextInference {
  private final EndpointStore endpoints;
  private final Providers providers;
  private final Batches batches;
  private final Targets targets;

  public CoordinatedTexts(
      EndpointStore endpoints, Providers providers, Batches batches, Targets targets) {
    this.endpoints = endpoints;
    this.providers = providers;
    this.batches = batches;
    this.targets = targets;
  }

  @Override
  public void infer(Piece piece, ActionListener<InferenceResults> listener) {
    if (piece.whole()) {
      batches.byModel(piece.id(), piece, listener);
      return;
    }
    endpoints.find(
        piece.id(),
        listener.delegateFailureAndWrap(
            (next, found) -> {
              if (found.isEmpty()) {
                batches.byModel(piece.id(), piece, Coordinator.nothingByThatName(piece.id(), next));
                return;
              }
              Endpoint endpoint = found.get();
              Optional<String> deployment = providers.of(endpoint).deployment(endpoint);
              if (deployment.isPresent()) {
                batches.byModel(deployment.get(), piece, next);
              } else {
                batches.byEndpoint(endpoint, piece, next);
              }
            }));
  }

  @Override
  public void inputField(String id, ActionListener<String> listener) {
    ActionListener<String> field =
        listener.delegateResponse(
            (next, failure) -> {
              if (failure instanceof ResourceNotFoundException) {
                explainAbsence(id, failure, next);
              } else {
                next.onFailure(failure);
              }
            });
    targets.find(id, field.map(Target::inputField));
  }

  /** An endpoint takes texts and no documents. */
  private void explainAbsence(String id, Exception failure, ActionListener<String> listener) {
    endpoints.find(
        id,
        listener.delegateFailureAndWrap(
            (next, endpoint) ->
                next.onFailure(
                    endpoint.isPresent()
                        ? ExceptionsHelper.badRequestException(
                            "[{}] is configured for the _inference API and does not accept"
                                + " documents as input",
                            id)
                        : failure)));
  }

  @Override
  public void shownId(String id, ActionListener<String> listener) {
    endpoints.find(
        id,
        listener.delegateFailureAndWrap(
            (next, endpoint) -> {
              if (endpoint.isPresent()) {
                next.onResponse(id);
              } else {
                // The documents have been inferred: what the model is called is not worth failing.
                ActionListener<String> name =
                    next.delegateResponse((last, gone) -> last.onResponse(id));
                targets.find(id, name.map(Target::named));
              }
            }));
  }
}

package esrag.ml.endpoint;

import esrag.ml.infer.Inferrer;
import esrag.ml.infer.Targets;
import esrag.ml.licence.Licences;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.inference.InputType;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelPrefixStrings.PrefixType;

/**
 * Decides what an id names, an inference endpoint first, then a deployment or a model, and has
 * texts inferred by it. Searches and pipelines come through here.
 */
public final class Coordinator {
  private final EndpointStore endpoints;
  private final Providers providers;
  private final Inferrer inferrer;
  private final Licences licences;

  public Coordinator(
      EndpointStore endpoints, Providers providers, Inferrer inferrer, Licences licences) {
    this.endpoints = endpoints;
    this.providers = providers;
    this.inferrer = inferrer;
    this.licences = licences;
  }

  /** Has texts inferred by whatever the id names. */
  public void infer(String id, Inferrer.Ask ask, ActionListener<List<InferenceResults>> listener) {
    endpoints.find(
        id,
        listener.delegateFailureAndWrap(
            (next, found) -> {
              if (found.isPresent()) {
                byEndpoint(found.get(), ask, next);
              } else {
                byModel(id, ask, next);
              }
            }));
  }

  /** Has texts inferred by an endpoint. */
  public void byEndpoint(
      Endpoint endpoint, Inferrer.Ask ask, ActionListener<List<InferenceResults>> listener) {
    Exception refusal = licences.refusal(Licences.Need.INFERENCE);
    if (refusal != null) {
      listener.onFailure(refusal);
      return;
    }
    InferenceAction.Request request =
        new InferenceAction.Request(
            endpoint.taskType(),
            endpoint.inferenceId(),
            ask.texts(),
            Map.of(),
            inputType(ask.prefix()),
            ask.timeout(),
            false);
    providers
        .of(endpoint)
        .infer(
            endpoint,
            request,
            listener.map(results -> new ArrayList<>(results.transformToCoordinationFormat())));
  }

  private void byModel(
      String id, Inferrer.Ask ask, ActionListener<List<InferenceResults>> listener) {
    Exception refusal = licences.refusal(Licences.Need.MACHINE_LEARNING);
    if (refusal != null) {
      listener.onFailure(refusal);
      return;
    }
    inferrer.infer(id, ask, nothingByThatName(id, listener));
  }

  /** A listener that says so when an id is neither an endpoint nor a deployment. */
  public static <T> ActionListener<T> nothingByThatName(String id, ActionListener<T> listener) {
    return listener.delegateResponse(
        (next, failure) ->
            next.onFailure(Targets.isNothingDeployed(id, failure) ? neither(id) : failure));
  }

  private static Exception neither(String id) {
    return new ElasticsearchStatusException(
        "[{}] is not an inference service model or a deployed ml model", RestStatus.NOT_FOUND, id);
  }

  private static InputType inputType(PrefixType prefix) {
    return switch (prefix) {
      case INGEST -> InputType.INTERNAL_INGEST;
      case SEARCH -> InputType.INTERNAL_SEARCH;
      case NONE -> InputType.UNSPECIFIED;
    };
  }
}

package esrag.ml.endpoint;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.infer.Inferrer;
import esrag.ml.infer.TransportInferModel;
import esrag.ml.licence.Licences;
import java.util.List;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.ml.action.CoordinatedInferenceAction;
import org.elasticsearch.xpack.core.ml.action.InferModelAction;

/**
 * The action behind {@code query_vector_builder}: texts are inferred by an inference endpoint or a
 * deployed model, whichever bears the id. It is called with the ML origin, so that the person who
 * searches needs no privilege but to read the index.
 */
public final class TransportCoordinatedInference
    extends MlTransportAction<CoordinatedInferenceAction.Request, InferModelAction.Response> {

  @Inject
  public TransportCoordinatedInference(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(CoordinatedInferenceAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      CoordinatedInferenceAction.Request request,
      ActionListener<InferModelAction.Response> listener) {
    if (request.hasObjects()) {
      listener.onFailure(
          new UnsupportedOperationException(
              "coordinated inference of documents is not covered by the local stack"));
      return;
    }
    Inferrer.Ask ask =
        new Inferrer.Ask(
            request.getInputs(),
            request.getInferenceConfigUpdate(),
            request.getPrefixType(),
            request.getInferenceTimeout());
    services()
        .coordinator()
        .infer(
            request.getModelId(),
            ask,
            listener.delegateFailureAndWrap((next, results) -> respond(request, results, next)));
  }

  private static void respond(
      CoordinatedInferenceAction.Request request,
      List<InferenceResults> results,
      ActionListener<InferModelAction.Response> listener) {
    Exception failure = TransportInferModel.firstFailure(results);
    if (failure == null) {
      listener.onResponse(new InferModelAction.Response(results, request.getModelId(), true));
    } else {
      listener.onFailure(failure);
    }
  }
}

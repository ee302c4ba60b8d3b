package esrag.ml.infer;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import java.util.List;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.ml.action.InferModelAction;
import org.elasticsearch.xpack.core.ml.inference.results.ErrorInferenceResults;

/**
 * Infers documents or texts by a trained model: the server's internal infer action, and with it the
 * one that {@code _infer} calls under its own name and privilege.
 */
public class TransportInferModel
    extends MlTransportAction<InferModelAction.Request, InferModelAction.Response> {

  @Inject
  public TransportInferModel(
      TransportService transport, ActionFilters filters, MlServices services) {
    this(InferModelAction.NAME, transport, filters, services);
  }

  private TransportInferModel(
      String name, TransportService transport, ActionFilters filters, MlServices services) {
    super(name, Licences.Need.MACHINE_LEARNING, transport, filters, services);
  }

  /** The same under the name that users are authorised for. */
  public static final class External extends TransportInferModel {
    @Inject
    public External(TransportService transport, ActionFilters filters, MlServices services) {
      super(InferModelAction.EXTERNAL_NAME, transport, filters, services);
    }
  }

  @Override
  protected void answer(
      InferModelAction.Request request, ActionListener<InferModelAction.Response> listener) {
    if (request.getTextInput() != null && request.getTextInput().isEmpty() == false) {
      ask(request.getId(), request, request.getTextInput(), listener);
      return;
    }
    services()
        .targets()
        .find(
            request.getId(),
            listener.delegateFailureAndWrap(
                (next, target) -> {
                  DocumentTexts documents =
                      new DocumentTexts(request.getObjectsToInfer(), target.inputField());
                  List<String> texts = documents.texts();
                  if (texts.isEmpty()) {
                    next.onResponse(
                        new InferModelAction.Response(List.of(), request.getId(), true));
                    return;
                  }
                  ask(
                      target.deploymentId(),
                      request,
                      texts,
                      next.map(
                          response ->
                              new InferModelAction.Response(
                                  documents.merge(response.getInferenceResults()),
                                  response.getId(),
                                  true)));
                }));
  }

  private void ask(
      String id,
      InferModelAction.Request request,
      List<String> texts,
      ActionListener<InferModelAction.Response> listener) {
    Inferrer.Ask ask =
        new Inferrer.Ask(
            texts, request.getUpdate(), request.getPrefixType(), request.getInferenceTimeout());
    services()
        .inferrer()
        .infer(
            id,
            ask,
            listener.delegateFailureAndWrap(
                (next, results) -> {
                  Exception failure = commonFailure(results);
                  if (failure == null) {
                    next.onResponse(new InferModelAction.Response(results, request.getId(), true));
                  } else {
                    next.onFailure(failure);
                  }
                }));
  }

  /** The first failure when no text was inferred; single failures stay in their places. */
  public static Exception commonFailure(List<InferenceResults> results) {
    if (results.stream().allMatch(ErrorInferenceResults.class::isInstance)
        && results.get(0) instanceof ErrorInferenceResults first) {
      return first.getException();
    }
    return null;
  }
}

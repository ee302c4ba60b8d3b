package esrag.ml.infer;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.model.ModelErrors;
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
    super(name, Licences.Need.NOTHING, transport, filters, services);
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
    Exception refusal =
        request.isPreviouslyLicensed()
            ? null
            : services().licences().refusal(Licences.Need.MACHINE_LEARNING);
    if (refusal == null) {
      infer(request, listener);
    } else {
      // As on the server, that a model is not there comes before the licence.
      services()
          .node()
          .model(
              request.getId(),
              ModelErrors.missingAs404(
                  request.getId(),
                  listener.delegateFailureAndWrap((next, model) -> next.onFailure(refusal))));
    }
  }

  private void infer(
      InferModelAction.Request request, ActionListener<InferModelAction.Response> listener) {
    services()
        .targets()
        .find(
            request.getId(),
            listener.delegateFailureAndWrap(
                (next, target) -> {
                  DocumentTexts documents = documents(request, target);
                  ask(
                      request,
                      documents.texts(),
                      next.map(results -> respond(request, target, documents.merge(results))));
                }));
  }

  private static DocumentTexts documents(InferModelAction.Request request, Target target) {
    return request.getTextInput() == null
        ? DocumentTexts.of(request.getObjectsToInfer(), target.inputField())
        : DocumentTexts.of(request.getTextInput());
  }

  private void ask(
      InferModelAction.Request request,
      List<String> texts,
      ActionListener<List<InferenceResults>> listener) {
    if (texts.isEmpty()) {
      listener.onResponse(List.of());
      return;
    }
    Inferrer.Ask ask =
        new Inferrer.Ask(
            texts, request.getUpdate(), request.getPrefixType(), request.getInferenceTimeout());
    services().inferrer().infer(request.getId(), ask, listener);
  }

  private static InferModelAction.Response respond(
      InferModelAction.Request request, Target target, List<InferenceResults> results)
      throws Exception {
    Exception failure = firstFailure(results);
    if (failure != null) {
      throw failure;
    }
    return new InferModelAction.Response(results, target.named(), true);
  }

  /** The failure of the first text that has one, which fails the whole request; or null. */
  public static Exception firstFailure(List<InferenceResults> results) {
    return results.stream()
        .filter(ErrorInferenceResults.class::isInstance)
        .map(error -> ((ErrorInferenceResults) error).getException())
        .findFirst()
        .orElse(null);
  }
}

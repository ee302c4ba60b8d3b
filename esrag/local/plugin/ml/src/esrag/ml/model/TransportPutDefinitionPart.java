package esrag.ml.model;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import org.elasticsearch.ResourceAlreadyExistsException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelDefinitionPartAction;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;

/** Stores one part of a model's definition; x-pack-core has decoded it from base64. */
public final class TransportPutDefinitionPart
    extends MlTransportAction<PutTrainedModelDefinitionPartAction.Request, AcknowledgedResponse> {

  @Inject
  public TransportPutDefinitionPart(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(
        PutTrainedModelDefinitionPartAction.NAME,
        Licences.Need.MACHINE_LEARNING,
        transport,
        filters,
        services);
  }

  @Override
  protected void answer(
      PutTrainedModelDefinitionPartAction.Request request,
      ActionListener<AcknowledgedResponse> listener) {
    String id = request.getModelId();
    services()
        .node()
        .model(
            id,
            ModelErrors.missingAs404(
                id,
                listener.delegateFailureAndWrap(
                    (next, model) -> {
                      if (model.parts().contains(request.getPart())
                          && request.isOverwritingAllowed() == false) {
                        throw alreadyExists(request);
                      }
                      store(request, next);
                    })));
  }

  private void store(
      PutTrainedModelDefinitionPartAction.Request request,
      ActionListener<AcknowledgedResponse> listener) {
    ActionListener<Boolean> stored =
        ActionListener.wrap(
            complete -> {
              services().targets().forget();
              listener.onResponse(AcknowledgedResponse.TRUE);
            },
            failure ->
                listener.onFailure(
                    ModelErrors.is(failure, "deployed") ? alreadyExists(request) : failure));
    services()
        .node()
        .putPart(
            request.getModelId(),
            request.getPart(),
            request.getTotalParts(),
            request.getTotalDefinitionLength(),
            request.getDefinition(),
            ModelErrors.missingAs404(request.getModelId(), stored));
  }

  private static ResourceAlreadyExistsException alreadyExists(
      PutTrainedModelDefinitionPartAction.Request request) {
    return new ResourceAlreadyExistsException(
        Messages.getMessage(
            Messages.INFERENCE_TRAINED_MODEL_DOC_EXISTS, request.getModelId(), request.getPart()));
  }
}

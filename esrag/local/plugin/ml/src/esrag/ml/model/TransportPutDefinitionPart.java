package esrag.ml.model;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelDefinitionPartAction;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

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
    ActionListener<Boolean> stored =
        ActionListener.wrap(
            complete -> {
              services().targets().forget();
              listener.onResponse(AcknowledgedResponse.TRUE);
            },
            failure -> listener.onFailure(explain(id, request.getPart(), failure)));
    services()
        .node()
        .putPart(
            id,
            request.getPart(),
            request.getTotalParts(),
            request.getTotalDefinitionLength(),
            request.getDefinition(),
            stored);
  }

  private static Exception explain(String id, int part, Exception failure) {
    if (ModelErrors.is(failure, "not_found")) {
      return ModelErrors.missing(id);
    }
    if (ModelErrors.is(failure, "deployed")) {
      return ExceptionsHelper.badRequestException(
          Messages.getMessage(Messages.INFERENCE_TRAINED_MODEL_DOC_EXISTS, id, part));
    }
    return failure;
  }
}

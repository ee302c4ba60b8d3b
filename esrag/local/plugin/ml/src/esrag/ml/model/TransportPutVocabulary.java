package esrag.ml.model;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import java.io.IOException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelVocabularyAction;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/** Stores a model's vocabulary; the order of its entries is the token id. */
public final class TransportPutVocabulary
    extends MlTransportAction<PutTrainedModelVocabularyAction.Request, AcknowledgedResponse> {

  @Inject
  public TransportPutVocabulary(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(
        PutTrainedModelVocabularyAction.NAME,
        Licences.Need.MACHINE_LEARNING,
        transport,
        filters,
        services);
  }

  @Override
  protected void answer(
      PutTrainedModelVocabularyAction.Request request,
      ActionListener<AcknowledgedResponse> listener)
      throws IOException {
    String id = request.getModelId();
    ActionListener<Void> stored =
        ActionListener.wrap(
            ignored -> listener.onResponse(AcknowledgedResponse.TRUE),
            failure -> listener.onFailure(explain(id, failure)));
    services().node().putVocabulary(id, json(request), stored);
  }

  private static BytesReference json(PutTrainedModelVocabularyAction.Request request)
      throws IOException {
    try (XContentBuilder json = XContentBuilder.builder(XContentType.JSON.xContent())) {
      json.startObject().field("vocabulary", request.getVocabulary());
      if (request.getMerges().isEmpty() == false) {
        json.field("merges", request.getMerges());
      }
      if (request.getScores().isEmpty() == false) {
        json.field("scores", request.getScores());
      }
      return BytesReference.bytes(json.endObject());
    }
  }

  private static Exception explain(String id, Exception failure) {
    if (ModelErrors.is(failure, "not_found")) {
      return ModelErrors.missing(id);
    }
    if (ModelErrors.is(failure, "already_exists")) {
      return ExceptionsHelper.badRequestException(
          Messages.getMessage(Messages.INFERENCE_TRAINED_MODEL_VOCAB_EXISTS, id));
    }
    return failure;
  }
}

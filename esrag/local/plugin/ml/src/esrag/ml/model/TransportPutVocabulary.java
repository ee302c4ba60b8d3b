package esrag.ml.model;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.node.StoredModel;
import java.io.IOException;
import org.elasticsearch.ResourceAlreadyExistsException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelVocabularyAction;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.InferenceConfig;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.NlpConfig;
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
                      check(request, model);
                      ActionListener<Void> stored = next.map(none -> AcknowledgedResponse.TRUE);
                      services().node().putVocabulary(id, json(request), stored);
                    })));
  }

  /** The tokenization says what else its vocabulary needs: merges, scores. */
  private void check(PutTrainedModelVocabularyAction.Request request, StoredModel model) {
    InferenceConfig config = model.parse(services().registry()).build().getInferenceConfig();
    if (config instanceof NlpConfig task) {
      task.getTokenization().validateVocabulary(request);
    } else {
      throw ExceptionsHelper.badRequestException(
          "cannot put vocabulary for model [{}] as it is not an NLP model", request.getModelId());
    }
    if (model.hasVocabulary()) {
      throw new ResourceAlreadyExistsException(
          Messages.getMessage(Messages.INFERENCE_TRAINED_MODEL_VOCAB_EXISTS, model.modelId()));
    }
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
}

package esrag.ml.endpoint;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.inference.action.EmbeddingAction;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;

/** The task that embeds texts and images alike; no service here offers it. */
public final class TransportEmbedding
    extends MlTransportAction<EmbeddingAction.Request, InferenceAction.Response> {

  @Inject
  public TransportEmbedding(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(EmbeddingAction.NAME, Licences.Need.INFERENCE, transport, filters, services);
  }

  @Override
  protected void answer(
      EmbeddingAction.Request request, ActionListener<InferenceAction.Response> listener) {
    services()
        .endpoints()
        .get(
            request.getInferenceEntityId(),
            listener.delegateFailureAndWrap(
                (next, endpoint) -> {
                  TransportInference.checkTask(request.getTaskType(), endpoint);
                  throw new ElasticsearchStatusException(
                      TaskType.unsupportedTaskTypeErrorMsg(TaskType.EMBEDDING, endpoint.service()),
                      RestStatus.BAD_REQUEST);
                }));
  }
}

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
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.inference.action.RerankAction;

/** Has an endpoint rank passages by a question. */
public final class TransportRerank
    extends MlTransportAction<RerankAction.Request, InferenceAction.Response> {

  @Inject
  public TransportRerank(TransportService transport, ActionFilters filters, MlServices services) {
    super(RerankAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      RerankAction.Request request, ActionListener<InferenceAction.Response> listener) {
    services()
        .endpoints()
        .get(
            request.getInferenceEntityId(),
            listener.delegateFailureAndWrap(
                (next, endpoint) -> {
                  services().licences().require(Licences.Need.INFERENCE);
                  TransportInference.checkTask(request.getTaskType(), endpoint);
                  refuseOtherThanText(request, endpoint);
                  services()
                      .providers()
                      .of(endpoint)
                      .rerank(
                          endpoint,
                          request.getRerankRequest(),
                          request.getTimeout(),
                          next.map(TransportInference::response));
                }));
  }

  private static void refuseOtherThanText(RerankAction.Request request, Endpoint endpoint) {
    boolean text =
        request.getRerankRequest().query().isText()
            && request.getRerankRequest().inputs().stream().allMatch(input -> input.isText());
    if (text == false) {
      throw new ElasticsearchStatusException(
          "The [{}] service does not support [{}] of other inputs than text",
          RestStatus.BAD_REQUEST,
          endpoint.service(),
          TaskType.RERANK);
    }
  }
}

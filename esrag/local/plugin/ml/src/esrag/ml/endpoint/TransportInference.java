package esrag.ml.endpoint;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import java.util.concurrent.Flow;
import java.util.stream.Collectors;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;

/** Has an endpoint embed or complete. */
public final class TransportInference
    extends MlTransportAction<InferenceAction.Request, InferenceAction.Response> {

  @Inject
  public TransportInference(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(InferenceAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      InferenceAction.Request request, ActionListener<InferenceAction.Response> listener) {
    services()
        .endpoints()
        .get(
            request.getInferenceEntityId(),
            listener.delegateFailureAndWrap(
                (next, endpoint) -> {
                  services().licences().require(Licences.Need.INFERENCE);
                  checkTask(request.getTaskType(), endpoint);
                  InferenceProvider provider = services().providers().of(endpoint);
                  checkStream(request, endpoint, provider);
                  provider.infer(endpoint, request, next.map(TransportInference::response));
                }));
  }

  private static void checkStream(
      InferenceAction.Request request, Endpoint endpoint, InferenceProvider provider) {
    if (request.isStreaming() == false || provider.streamingTasks().contains(endpoint.taskType())) {
      return;
    }
    if (provider.streamingTasks().isEmpty()) {
      throw new ElasticsearchStatusException(
          "Streaming is not allowed for service [{}].",
          RestStatus.METHOD_NOT_ALLOWED,
          provider.name());
    }
    throw new ElasticsearchStatusException(
        "Streaming is not allowed for service [{}] and task [{}]. Supported tasks: [{}]",
        RestStatus.METHOD_NOT_ALLOWED,
        provider.name(),
        request.getTaskType(),
        provider.streamingTasks().stream()
            .map(TaskType::toString)
            .collect(Collectors.joining(",")));
  }

  static void checkTask(TaskType requested, Endpoint endpoint) {
    if (requested.isAnyOrSame(endpoint.taskType()) == false) {
      throw new ElasticsearchStatusException(
          "Incompatible task_type, the requested type [{}] does not match the model type [{}]",
          RestStatus.BAD_REQUEST,
          requested,
          endpoint.taskType());
    }
  }

  @SuppressWarnings("unchecked")
  static InferenceAction.Response response(InferenceServiceResults results) {
    return results.isStreaming()
        ? new InferenceAction.Response(
            results, (Flow.Publisher<InferenceServiceResults.Result>) results.publisher())
        : new InferenceAction.Response(results);
  }
}

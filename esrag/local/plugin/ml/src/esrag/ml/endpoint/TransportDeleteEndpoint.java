package esrag.ml.endpoint;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.model.PipelineReferences;
import java.util.Set;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.inference.action.DeleteInferenceEndpointAction;

/** Deletes an inference endpoint, unless a pipeline uses it; stops what it had started. */
public final class TransportDeleteEndpoint
    extends MlTransportAction<
        DeleteInferenceEndpointAction.Request, DeleteInferenceEndpointAction.Response> {

  @Inject
  public TransportDeleteEndpoint(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(DeleteInferenceEndpointAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      DeleteInferenceEndpointAction.Request request,
      ActionListener<DeleteInferenceEndpointAction.Response> listener) {
    String id = request.getInferenceEndpointId();
    services()
        .endpoints()
        .get(
            id,
            listener.delegateFailureAndWrap(
                (next, endpoint) -> {
                  EndpointStore.checkTask(request.getTaskType(), endpoint);
                  Set<String> pipelines =
                      PipelineReferences.pipelines(services().clusterService(), Set.of(id));
                  if (request.isDryRun()) {
                    next.onResponse(dryRun(id, pipelines));
                  } else if (pipelines.isEmpty() || request.isForceDelete()) {
                    delete(endpoint, next);
                  } else {
                    throw new ElasticsearchStatusException(
                        "{}", RestStatus.CONFLICT, warning(id, pipelines));
                  }
                }));
  }

  private static DeleteInferenceEndpointAction.Response dryRun(String id, Set<String> pipelines) {
    String message = pipelines.isEmpty() ? null : warning(id, pipelines);
    return new DeleteInferenceEndpointAction.Response(false, pipelines, Set.of(), message);
  }

  private static String warning(String id, Set<String> pipelines) {
    return "Inference endpoint "
        + id
        + " is referenced by pipelines: "
        + pipelines
        + ". Ensure that no pipelines are using this inference endpoint, or use force to ignore"
        + " this warning and delete the inference endpoint.";
  }

  private void delete(
      Endpoint endpoint, ActionListener<DeleteInferenceEndpointAction.Response> listener) {
    services()
        .providers()
        .of(endpoint)
        .delete(
            endpoint,
            listener.delegateFailureAndWrap(
                (next, ignored) ->
                    services()
                        .endpoints()
                        .remove(
                            endpoint.inferenceId(),
                            next.map(
                                removed ->
                                    new DeleteInferenceEndpointAction.Response(
                                        true, Set.of(), Set.of(), null)))));
  }
}

package esrag.ml.endpoint;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import java.util.HashMap;
import java.util.Map;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.inference.action.UpdateInferenceModelAction;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;

/**
 * Changes the settings of an endpoint: merges them, has the service prove the result, stores it.
 */
public final class TransportUpdateEndpoint
    extends MlTransportAction<
        UpdateInferenceModelAction.Request, UpdateInferenceModelAction.Response> {

  @Inject
  public TransportUpdateEndpoint(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(UpdateInferenceModelAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      UpdateInferenceModelAction.Request request,
      ActionListener<UpdateInferenceModelAction.Response> listener) {
    String id = request.getInferenceEntityId();
    TaskType inBody = request.getBodyTaskType();
    services()
        .endpoints()
        .find(
            id,
            listener.delegateFailureAndWrap(
                (next, found) -> {
                  Endpoint before =
                      found.orElseThrow(
                          () ->
                              new ElasticsearchStatusException(
                                  Messages.INFERENCE_ENTITY_NON_EXISTANT_NO_UPDATE,
                                  RestStatus.NOT_FOUND,
                                  id));
                  services().licences().require(Licences.Need.INFERENCE);
                  checkTask(request.getTaskType(), inBody, before);
                  change(before, request, next);
                }));
  }

  /** Unlike a new endpoint, one that is there need not be told its task. */
  private static void checkTask(TaskType inAddress, TaskType inBody, Endpoint endpoint) {
    if (inAddress == TaskType.ANY && inBody == null) {
      return;
    }
    if (EndpointBody.taskType(inAddress, inBody) != endpoint.taskType()) {
      throw new ElasticsearchStatusException(
          "Task type must match the task type of the existing endpoint", RestStatus.BAD_REQUEST);
    }
  }

  private void change(
      Endpoint before,
      UpdateInferenceModelAction.Request request,
      ActionListener<UpdateInferenceModelAction.Response> listener) {
    InferenceProvider provider = services().providers().of(before);
    InferenceProvider.Given given =
        new InferenceProvider.Given(
            copy(request.getServiceSettings()), copy(request.getTaskSettings()));
    Endpoint merged = provider.update(before, given);
    EndpointBody.refuseUnknown(given, provider.name());
    Endpoint after = chunked(merged, request.getChunkingSettings());
    if (after.equals(before)) {
      listener.onResponse(new UpdateInferenceModelAction.Response(before.configurations()));
      return;
    }
    provider.change(
        before,
        after,
        request.getTimeout(),
        listener.delegateFailureAndWrap(
            (next, proven) ->
                services()
                    .endpoints()
                    .replace(
                        proven,
                        next.map(
                            stored ->
                                new UpdateInferenceModelAction.Response(
                                    stored.configurations())))));
  }

  private static Endpoint chunked(Endpoint endpoint, Map<String, Object> chunking) {
    if (chunking == null || endpoint.chunking() == null) {
      return endpoint;
    }
    return endpoint.withChunking(EndpointBody.chunking(chunking));
  }

  private static Map<String, Object> copy(Map<String, Object> given) {
    return given == null ? new HashMap<>() : new HashMap<>(given);
  }
}

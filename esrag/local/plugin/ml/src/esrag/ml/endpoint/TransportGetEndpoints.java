package esrag.ml.endpoint;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import java.util.List;
import java.util.Map;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.inference.action.GetInferenceModelAction;

/** Shows inference endpoints: one, all of a task, or all. */
public final class TransportGetEndpoints
    extends MlTransportAction<GetInferenceModelAction.Request, GetInferenceModelAction.Response> {

  @Inject
  public TransportGetEndpoints(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(GetInferenceModelAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      GetInferenceModelAction.Request request,
      ActionListener<GetInferenceModelAction.Response> listener) {
    services()
        .endpoints()
        .all(
            listener.map(
                endpoints ->
                    new GetInferenceModelAction.Response(
                        select(request, endpoints).stream()
                            .map(Endpoint::configurations)
                            .toList())));
  }

  private static List<Endpoint> select(
      GetInferenceModelAction.Request request, Map<String, Endpoint> endpoints) {
    String id = request.getInferenceEntityId();
    TaskType wanted = request.getTaskType();
    if ("_all".equals(id) || "*".equals(id)) {
      return endpoints.values().stream()
          .filter(endpoint -> wanted.isAnyOrSame(endpoint.taskType()))
          .toList();
    }
    Endpoint endpoint = endpoints.get(id);
    if (endpoint == null) {
      throw EndpointStore.unknown(id);
    }
    if (wanted.isAnyOrSame(endpoint.taskType()) == false) {
      throw new ElasticsearchStatusException(
          "Requested task type [{}] does not match the inference endpoint's task type [{}]",
          RestStatus.BAD_REQUEST,
          wanted,
          endpoint.taskType());
    }
    return List.of(endpoint);
  }
}

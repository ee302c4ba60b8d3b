package esrag.ml.endpoint;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.injection.guice.Inject;
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
            listener.delegateFailureAndWrap(
                (next, endpoints) ->
                    refresh(
                        select(request, endpoints),
                        next.map(
                            shown ->
                                new GetInferenceModelAction.Response(
                                    shown.stream().map(Endpoint::configurations).toList())))));
  }

  /** Has each service bring its endpoints up to date; the order stays. */
  private void refresh(List<Endpoint> selected, ActionListener<List<Endpoint>> listener) {
    Map<String, List<Endpoint>> byService = new TreeMap<>();
    for (Endpoint endpoint : selected) {
      byService.computeIfAbsent(endpoint.service(), ignored -> new ArrayList<>()).add(endpoint);
    }
    Map<String, Endpoint> shown = new TreeMap<>();
    refresh(byService.entrySet().iterator(), shown, listener);
  }

  private void refresh(
      Iterator<Map.Entry<String, List<Endpoint>>> services,
      Map<String, Endpoint> shown,
      ActionListener<List<Endpoint>> listener) {
    if (services.hasNext() == false) {
      listener.onResponse(List.copyOf(shown.values()));
      return;
    }
    Map.Entry<String, List<Endpoint>> service = services.next();
    services()
        .providers()
        .get(service.getKey())
        .refresh(
            service.getValue(),
            listener.delegateFailureAndWrap(
                (next, refreshed) -> {
                  refreshed.forEach(endpoint -> shown.put(endpoint.inferenceId(), endpoint));
                  refresh(services, shown, next);
                }));
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
    EndpointStore.checkTask(wanted, endpoint);
    return List.of(endpoint);
  }
}

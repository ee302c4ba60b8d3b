package esrag.ml.endpoint;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import java.util.Comparator;
import java.util.List;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.inference.InferenceServiceConfiguration;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.inference.action.GetInferenceServicesAction;

/** Lists the services that endpoints can use. */
public final class TransportGetServices
    extends MlTransportAction<
        GetInferenceServicesAction.Request, GetInferenceServicesAction.Response> {

  @Inject
  public TransportGetServices(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(GetInferenceServicesAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      GetInferenceServicesAction.Request request,
      ActionListener<GetInferenceServicesAction.Response> listener) {
    TaskType wanted = request.getTaskType();
    List<InferenceServiceConfiguration> configurations =
        services().providers().all().stream()
            .filter(provider -> wanted == TaskType.ANY || provider.tasks().contains(wanted))
            .map(InferenceProvider::configuration)
            .sorted(Comparator.comparing(InferenceServiceConfiguration::getService))
            .toList();
    listener.onResponse(new GetInferenceServicesAction.Response(configurations));
  }
}

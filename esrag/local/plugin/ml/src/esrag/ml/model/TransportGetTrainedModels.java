package esrag.ml.model;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.node.StoredModel;
import java.util.List;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.action.util.QueryPage;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;

/** Lists trained models by ids, wildcards and tags, page by page. */
public final class TransportGetTrainedModels
    extends MlTransportAction<GetTrainedModelsAction.Request, GetTrainedModelsAction.Response> {

  @Inject
  public TransportGetTrainedModels(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(GetTrainedModelsAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      GetTrainedModelsAction.Request request,
      ActionListener<GetTrainedModelsAction.Response> listener) {
    services()
        .node()
        .models(listener.map(models -> page(request, new ModelSelection(request, models))));
  }

  private GetTrainedModelsAction.Response page(
      GetTrainedModelsAction.Request request, ModelSelection selection) {
    List<StoredModel> matching = selection.matching(model -> hasTags(model, request.getTags()));
    List<TrainedModelConfig> configs =
        ModelSelection.page(request, matching).stream()
            .map(model -> config(model, request.getIncludes()))
            .toList();
    return new GetTrainedModelsAction.Response(
        new QueryPage<>(configs, matching.size(), GetTrainedModelsAction.Response.RESULTS_FIELD));
  }

  private static boolean hasTags(StoredModel model, List<String> tags) {
    return tags.isEmpty()
        || (model.config().get("tags") instanceof List<?> own && own.containsAll(tags));
  }

  private TrainedModelConfig config(StoredModel model, GetTrainedModelsAction.Includes includes) {
    TrainedModelConfig config = model.parse(services().registry()).build();
    if (includes.isIncludeDefinitionStatus()) {
      config.setFullDefinition(model.complete());
    }
    return config;
  }
}

package esrag.ml.model;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.node.Catalogue;
import esrag.ml.node.StoredModel;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.action.util.QueryPage;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/** Lists trained models by ids, aliases, wildcards and tags, page by page. */
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
    services().node().catalogue(listener.map(catalogue -> page(request, catalogue)));
  }

  private GetTrainedModelsAction.Response page(
      GetTrainedModelsAction.Request request, Catalogue catalogue) {
    String expression = Objects.requireNonNullElse(request.getResourceId(), "_all");
    ModelSelection selection =
        new ModelSelection(expression, request, request.getTags(), Set.of(), catalogue);
    checkIncludes(request.getIncludes(), selection.page().size());
    List<TrainedModelConfig> configs =
        selection.page().stream()
            .map(model -> config(model, request.getIncludes(), catalogue))
            .toList();
    return new GetTrainedModelsAction.Response(
        new QueryPage<>(configs, selection.count(), GetTrainedModelsAction.Response.RESULTS_FIELD));
  }

  /** What belongs to a definition is told of one model only. */
  private static void checkIncludes(GetTrainedModelsAction.Includes includes, int models) {
    if (includes.isIncludeModelDefinition() && models > 1) {
      throw ExceptionsHelper.badRequestException(Messages.INFERENCE_TOO_MANY_DEFINITIONS_REQUESTED);
    }
    if (includes.isIncludeDefinitionStatus() && models > 1) {
      throw ExceptionsHelper.badRequestException(
          "Getting the model download status is not supported when getting more than one model");
    }
  }

  private TrainedModelConfig config(
      StoredModel model, GetTrainedModelsAction.Includes includes, Catalogue catalogue) {
    TrainedModelConfig config =
        model
            .parse(services().registry())
            .setModelAliases(catalogue.aliasesOf(model.modelId()))
            .build();
    if (includes.isIncludeDefinitionStatus()) {
      config.setFullDefinition(model.complete());
    }
    return config;
  }
}

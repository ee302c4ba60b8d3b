package esrag.ml.deployment;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.model.ModelStats;
import esrag.ml.node.Deployment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsStatsAction;
import org.elasticsearch.xpack.core.ml.inference.assignment.AssignmentStats;

/** Statistics of trained models: size, pipelines that use them, and what each deployment did. */
public final class TransportModelsStats
    extends MlTransportAction<
        GetTrainedModelsStatsAction.Request, GetTrainedModelsStatsAction.Response> {

  @Inject
  public TransportModelsStats(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(GetTrainedModelsStatsAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      GetTrainedModelsStatsAction.Request request,
      ActionListener<GetTrainedModelsStatsAction.Response> listener) {
    services()
        .node()
        .models(
            listener.delegateFailureAndWrap(
                (afterModels, models) ->
                    services()
                        .node()
                        .deployments(
                            afterModels.map(
                                deployments ->
                                    new ModelStats(services(), models, stats(deployments))
                                        .answer(request)))));
  }

  private Map<String, AssignmentStats> stats(List<Deployment> deployments) {
    Map<String, AssignmentStats> stats = new HashMap<>();
    for (Deployment deployment : deployments) {
      stats.put(
          deployment.deploymentId(),
          Assignments.stats(
              deployment,
              services().batches().rejected(deployment.deploymentId()),
              services().clusterService().localNode()));
    }
    return stats;
  }
}

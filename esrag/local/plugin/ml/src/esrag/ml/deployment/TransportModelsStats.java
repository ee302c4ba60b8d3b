package esrag.ml.deployment;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.model.ModelStats;
import esrag.ml.node.Deployment;
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
        .catalogue(
            listener.map(
                catalogue -> new ModelStats(services(), catalogue, this::stats).answer(request)));
  }

  private AssignmentStats stats(Deployment deployment) {
    return Assignments.stats(
        deployment,
        services().batches().rejected(deployment.deploymentId()),
        services().clusterService().localNode());
  }
}

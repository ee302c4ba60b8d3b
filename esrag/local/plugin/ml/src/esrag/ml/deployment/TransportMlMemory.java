package esrag.ml.deployment;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.info.MachineMemory;
import esrag.ml.licence.Licences;
import esrag.ml.node.Catalogue;
import esrag.ml.node.Deployment;
import esrag.ml.node.StoredModel;
import java.util.List;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.cluster.node.DiscoveryNode;
import org.elasticsearch.common.unit.ByteSizeValue;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.monitor.jvm.JvmInfo;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.ml.action.MlMemoryAction;

/**
 * The memory for machine learning of this one node, and what its deployments take of it by the
 * server's own estimate. There is nothing native besides the deployments, and no inference in the
 * JVM.
 */
public final class TransportMlMemory
    extends MlTransportAction<MlMemoryAction.Request, MlMemoryAction.Response> {
  // what the server counts once for a node that runs any native process
  private static final ByteSizeValue NATIVE_CODE = ByteSizeValue.ofMb(30);

  @Inject
  public TransportMlMemory(TransportService transport, ActionFilters filters, MlServices services) {
    super(MlMemoryAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      MlMemoryAction.Request request, ActionListener<MlMemoryAction.Response> listener) {
    String[] asked =
        services().clusterService().state().nodes().resolveNodes(request.getNodeId());
    services()
        .node()
        .catalogue(
            listener.map(
                catalogue ->
                    new MlMemoryAction.Response(
                        services().clusterService().getClusterName(),
                        asked.length == 0 ? List.of() : List.of(memory(catalogue)),
                        List.of())));
  }

  private MlMemoryAction.Response.MlMemoryStats memory(Catalogue catalogue) {
    long taken =
        catalogue.deployments().stream()
            .mapToLong(deployment -> taken(deployment, catalogue))
            .sum();
    return new MlMemoryAction.Response.MlMemoryStats(
        services().clusterService().localNode(),
        MachineMemory.total(),
        MachineMemory.total(),
        MachineMemory.share(),
        taken == 0 ? ByteSizeValue.ZERO : NATIVE_CODE,
        ByteSizeValue.ZERO,
        ByteSizeValue.ZERO,
        ByteSizeValue.ofBytes(taken),
        ByteSizeValue.ofBytes(JvmInfo.jvmInfo().getMem().getHeapMax().getBytes()),
        ByteSizeValue.ZERO,
        ByteSizeValue.ZERO);
  }

  private long taken(Deployment deployment, Catalogue catalogue) {
    StoredModel model = catalogue.model(deployment.modelId()).orElseThrow();
    return Assignments.assignment(
            deployment,
            model.parse(services().registry()).build(),
            model.definitionLength(),
            services().clusterService().localNode())
        .getTaskParams()
        .estimateMemoryUsageBytes();
  }
}

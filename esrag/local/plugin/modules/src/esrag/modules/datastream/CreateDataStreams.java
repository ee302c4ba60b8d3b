package esrag.modules.datastream;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.datastreams.CreateDataStreamAction;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.action.support.master.AcknowledgedTransportMasterNodeProjectAction;
import org.elasticsearch.cluster.ProjectState;
import org.elasticsearch.cluster.block.ClusterBlockException;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.cluster.metadata.MetadataCreateDataStreamService;
import org.elasticsearch.cluster.metadata.MetadataCreateDataStreamService.CreateDataStreamClusterStateUpdateRequest;
import org.elasticsearch.cluster.project.ProjectResolver;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.util.concurrent.EsExecutors;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.TransportService;

/** Makes a data stream by the server's own service; stands for the data-streams module's action. */
public final class CreateDataStreams
    extends AcknowledgedTransportMasterNodeProjectAction<CreateDataStreamAction.Request> {
  private final MetadataCreateDataStreamService service;

  @Inject
  public CreateDataStreams(
      TransportService transport,
      ClusterService cluster,
      ThreadPool threads,
      ActionFilters filters,
      ProjectResolver projects,
      MetadataCreateDataStreamService service) {
    super(
        CreateDataStreamAction.NAME,
        transport,
        cluster,
        threads,
        filters,
        CreateDataStreamAction.Request::new,
        projects,
        EsExecutors.DIRECT_EXECUTOR_SERVICE);
    this.service = service;
  }

  @Override
  protected void masterOperation(
      Task task,
      CreateDataStreamAction.Request request,
      ProjectState project,
      ActionListener<AcknowledgedResponse> listener) {
    service.createDataStream(
        new CreateDataStreamClusterStateUpdateRequest(
            project.projectId(),
            request.getName(),
            request.getStartTime(),
            null,
            request.masterNodeTimeout(),
            request.ackTimeout()),
        listener);
  }

  @Override
  protected ClusterBlockException checkBlock(
      CreateDataStreamAction.Request request, ProjectState project) {
    return project
        .blocks()
        .globalBlockedException(project.projectId(), ClusterBlockLevel.METADATA_WRITE);
  }
}

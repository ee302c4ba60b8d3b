package esrag.modules.datastream;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.datastreams.DataStreamsActionUtil;
import org.elasticsearch.action.datastreams.DeleteDataStreamAction;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.action.support.master.AcknowledgedTransportMasterNodeProjectAction;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ClusterStateUpdateTask;
import org.elasticsearch.cluster.ProjectState;
import org.elasticsearch.cluster.block.ClusterBlockException;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.MetadataDataStreamsService;
import org.elasticsearch.cluster.project.ProjectResolver;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.Priority;
import org.elasticsearch.common.util.concurrent.EsExecutors;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.TransportService;

/**
 * Removes data streams with their indices; stands for the action of the data-streams module.
 *
 * <p>The server itself makes a data stream when a document arrives under a template that asks for
 * one, and holds the code that takes it apart. What is missing is the way there.
 */
public final class DeleteDataStreams
    extends AcknowledgedTransportMasterNodeProjectAction<DeleteDataStreamAction.Request> {
  private final IndexNameExpressionResolver names;

  @Inject
  public DeleteDataStreams(
      TransportService transport,
      ClusterService cluster,
      ThreadPool threads,
      ActionFilters filters,
      ProjectResolver projects,
      IndexNameExpressionResolver names) {
    super(
        DeleteDataStreamAction.NAME,
        transport,
        cluster,
        threads,
        filters,
        DeleteDataStreamAction.Request::new,
        projects,
        EsExecutors.DIRECT_EXECUTOR_SERVICE);
    this.names = names;
  }

  @Override
  protected void masterOperation(
      Task task,
      DeleteDataStreamAction.Request request,
      ProjectState project,
      ActionListener<AcknowledgedResponse> listener) {
    if (found(request, project).isEmpty() && request.isWildcardExpressionsOriginallySpecified()) {
      listener.onResponse(AcknowledgedResponse.TRUE);
      return;
    }
    clusterService.submitUnbatchedStateUpdateTask(
        "remove-data-stream", new Removal(request, project, listener));
  }

  @Override
  protected ClusterBlockException checkBlock(
      DeleteDataStreamAction.Request request, ProjectState project) {
    return project
        .blocks()
        .globalBlockedException(project.projectId(), ClusterBlockLevel.METADATA_WRITE);
  }

  private List<String> found(DeleteDataStreamAction.Request request, ProjectState project) {
    return DataStreamsActionUtil.getDataStreamNames(
        names, project.metadata(), request.getNames(), request.indicesOptions());
  }

  /** One change of the cluster state, decided on the state that it is applied to. */
  private final class Removal extends ClusterStateUpdateTask {
    private final DeleteDataStreamAction.Request request;
    private final ProjectState asked;
    private final ActionListener<AcknowledgedResponse> listener;

    private Removal(
        DeleteDataStreamAction.Request request,
        ProjectState asked,
        ActionListener<AcknowledgedResponse> listener) {
      super(Priority.HIGH, request.masterNodeTimeout());
      this.request = request;
      this.asked = asked;
      this.listener = listener;
    }

    @Override
    public ClusterState execute(ClusterState current) {
      ProjectState project = current.projectState(asked.projectId());
      Set<DataStream> streams = new HashSet<>();
      found(request, project)
          .forEach(name -> streams.add(project.metadata().dataStreams().get(name)));
      if (streams.isEmpty() && !request.isWildcardExpressionsOriginallySpecified()) {
        throw new ResourceNotFoundException(
            "data streams " + Arrays.toString(request.getNames()) + " not found");
      }
      return MetadataDataStreamsService.deleteDataStreams(
          project, streams, clusterService.getSettings());
    }

    @Override
    public void clusterStateProcessed(ClusterState before, ClusterState after) {
      listener.onResponse(AcknowledgedResponse.TRUE);
    }

    @Override
    public void onFailure(Exception failure) {
      listener.onFailure(failure);
    }
  }
}

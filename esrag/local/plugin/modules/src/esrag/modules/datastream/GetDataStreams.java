package esrag.modules.datastream;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.datastreams.DataStreamsActionUtil;
import org.elasticsearch.action.datastreams.GetDataStreamAction;
import org.elasticsearch.action.datastreams.GetDataStreamAction.Response.DataStreamInfo;
import org.elasticsearch.action.datastreams.GetDataStreamAction.Response.IndexProperties;
import org.elasticsearch.action.datastreams.GetDataStreamAction.Response.ManagedBy;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.local.TransportLocalProjectMetadataAction;
import org.elasticsearch.cluster.ProjectState;
import org.elasticsearch.cluster.block.ClusterBlockException;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.cluster.health.ClusterStateHealth;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.MetadataIndexTemplateService;
import org.elasticsearch.cluster.project.ProjectResolver;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.util.concurrent.EsExecutors;
import org.elasticsearch.index.Index;
import org.elasticsearch.index.IndexMode;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.transport.TransportService;

/** Lists data streams; stands for the action of the data-streams module. */
public final class GetDataStreams
    extends TransportLocalProjectMetadataAction<
        GetDataStreamAction.Request, GetDataStreamAction.Response> {
  private static final String MODE = IndexMode.STANDARD.getName();

  private final IndexNameExpressionResolver names;

  @Inject
  public GetDataStreams(
      TransportService transport,
      ClusterService cluster,
      ActionFilters filters,
      ProjectResolver projects,
      IndexNameExpressionResolver names) {
    super(
        GetDataStreamAction.NAME,
        filters,
        transport.getTaskManager(),
        cluster,
        EsExecutors.DIRECT_EXECUTOR_SERVICE,
        projects);
    this.names = names;
  }

  @Override
  protected void localClusterStateOperation(
      Task task,
      GetDataStreamAction.Request request,
      ProjectState project,
      ActionListener<GetDataStreamAction.Response> listener) {
    List<DataStreamInfo> found =
        DataStreamsActionUtil.getDataStreamNames(
                names, project.metadata(), request.getNames(), request.indicesOptions())
            .stream()
            .sorted()
            .map(name -> describe(project, project.metadata().dataStreams().get(name)))
            .toList();
    listener.onResponse(new GetDataStreamAction.Response(found));
  }

  @Override
  protected ClusterBlockException checkBlock(
      GetDataStreamAction.Request request, ProjectState project) {
    return project
        .blocks()
        .globalBlockedException(project.projectId(), ClusterBlockLevel.METADATA_READ);
  }

  /** Nothing manages the life of indices here, and no stream is a time series. */
  private static DataStreamInfo describe(ProjectState project, DataStream stream) {
    String[] indices = stream.getIndices().stream().map(Index::getName).toArray(String[]::new);
    Map<Index, IndexProperties> properties = new HashMap<>();
    for (Index index : stream.getIndices()) {
      properties.put(index, new IndexProperties(true, null, ManagedBy.UNMANAGED, MODE));
    }
    return new DataStreamInfo(
        stream,
        false,
        new ClusterStateHealth(project.cluster(), indices, project.projectId()).getStatus(),
        MetadataIndexTemplateService.findV2Template(
            project.metadata(), stream.getName(), stream.isHidden()),
        null,
        null,
        properties,
        true,
        null,
        MODE);
  }
}

package esrag.modules.reindex;

import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.action.DocWriteRequest;
import org.elasticsearch.action.index.IndexRequest;
import org.elasticsearch.action.search.SearchRequest;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.IndicesOptions;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.cluster.project.ProjectResolver;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.index.VersionType;
import org.elasticsearch.index.reindex.ReindexAction;
import org.elasticsearch.index.reindex.ReindexRequest;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.script.ReindexScript;
import org.elasticsearch.script.ScriptService;
import org.elasticsearch.search.SearchHit;
import org.elasticsearch.search.builder.SearchSourceBuilder;
import org.elasticsearch.transport.TransportService;

/** Copies what a query finds into another index, through a pipeline when one is named. */
public final class Reindex extends PagedAction<ReindexRequest> {
  private final ScriptService scripts;
  private final ClusterService cluster;
  private final IndexNameExpressionResolver names;
  private final ProjectResolver projects;

  @Inject
  public Reindex(
      TransportService transport,
      ActionFilters filters,
      Client client,
      ScriptService scripts,
      ClusterService cluster,
      IndexNameExpressionResolver names,
      ProjectResolver projects) {
    super(ReindexAction.INSTANCE, transport, filters, client, ReindexRequest::new);
    this.scripts = scripts;
    this.cluster = cluster;
    this.names = names;
    this.projects = projects;
  }

  @Override
  void check(ReindexRequest request) {
    if (request.getRemoteInfo() != null) {
      throw new IllegalArgumentException("reindex from a remote cluster is not supported here");
    }
    if (request.getScript() != null) {
      scripts.compile(request.getScript(), ReindexScript.CONTEXT);
    }
    checkDestination(request.getSearchRequest(), request.getDestination().index());
  }

  /** Refuses to read and write the same index, under whatever names. */
  private void checkDestination(SearchRequest source, String destination) {
    ProjectMetadata project = projects.getProjectMetadata(cluster.state());
    if (!names.hasIndexAbstraction(destination, project)) {
      return;
    }
    String target =
        names
            .concreteWriteIndex(
                project,
                IndicesOptions.strictSingleIndexNoExpandForbidClosed(),
                destination,
                false,
                false)
            .getName();
    for (String read : names.concreteIndexNames(project, source)) {
      if (read.equals(target)) {
        ActionRequestValidationException error = new ActionRequestValidationException();
        error.addValidationError(
            "reindex cannot write into an index its reading from [" + target + "]");
        throw error;
      }
    }
  }

  @Override
  void prepare(SearchSourceBuilder source) {
    HitDocument.fetchWholeSource(source);
  }

  @Override
  DocWriteRequest<?> write(ReindexRequest request, SearchHit hit) {
    IndexRequest destination = request.getDestination();
    IndexRequest copy =
        HitDocument.index(destination.index(), hit)
            .opType(destination.opType())
            .setPipeline(destination.getPipeline())
            .setRequireAlias(destination.isRequireAlias())
            .routing(routing(destination.routing(), hit));
    if (destination.versionType() != VersionType.INTERNAL) {
      copy.versionType(destination.versionType());
      copy.version(hit.getVersion());
    }
    return copy;
  }

  private static String routing(String wish, SearchHit hit) {
    if (wish == null || wish.equals("keep")) {
      return HitDocument.routing(hit);
    }
    return wish.startsWith("=") ? wish.substring(1) : null;
  }
}

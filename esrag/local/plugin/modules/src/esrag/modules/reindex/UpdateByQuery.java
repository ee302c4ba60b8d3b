package esrag.modules.reindex;

import org.elasticsearch.action.DocWriteRequest;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.index.reindex.UpdateByQueryAction;
import org.elasticsearch.index.reindex.UpdateByQueryRequest;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.script.ScriptService;
import org.elasticsearch.script.UpdateByQueryScript;
import org.elasticsearch.search.SearchHit;
import org.elasticsearch.search.builder.SearchSourceBuilder;
import org.elasticsearch.transport.TransportService;

/** Writes what a query finds again in its place, through a pipeline when one is named. */
public final class UpdateByQuery extends PagedAction<UpdateByQueryRequest> {
  private final ScriptService scripts;

  @Inject
  public UpdateByQuery(
      TransportService transport, ActionFilters filters, Client client, ScriptService scripts) {
    super(UpdateByQueryAction.INSTANCE, transport, filters, client, UpdateByQueryRequest::new);
    this.scripts = scripts;
  }

  /** No script language here serves updates: the script service says so in its own words. */
  @Override
  void check(UpdateByQueryRequest request) {
    if (request.getScript() != null) {
      scripts.compile(request.getScript(), UpdateByQueryScript.CONTEXT);
    }
  }

  @Override
  void prepare(SearchSourceBuilder source) {
    HitDocument.fetchWholeSource(source);
  }

  @Override
  DocWriteRequest<?> write(UpdateByQueryRequest request, SearchHit hit) {
    return HitDocument.index(hit.getIndex(), hit)
        .setIfSeqNo(hit.getSeqNo())
        .setIfPrimaryTerm(hit.getPrimaryTerm())
        .routing(HitDocument.routing(hit))
        .setPipeline(request.getPipeline());
  }
}

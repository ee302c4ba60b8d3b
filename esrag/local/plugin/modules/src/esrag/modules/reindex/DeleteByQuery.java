package esrag.modules.reindex;

import org.elasticsearch.action.DocWriteRequest;
import org.elasticsearch.action.delete.DeleteRequest;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.index.reindex.DeleteByQueryAction;
import org.elasticsearch.index.reindex.DeleteByQueryRequest;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.search.SearchHit;
import org.elasticsearch.search.builder.SearchSourceBuilder;
import org.elasticsearch.transport.TransportService;

/** Deletes what a query finds; the security module cleans its own index with it. */
public final class DeleteByQuery extends PagedAction<DeleteByQueryRequest> {

  @Inject
  public DeleteByQuery(TransportService transport, ActionFilters filters, Client client) {
    super(DeleteByQueryAction.INSTANCE, transport, filters, client, DeleteByQueryRequest::new);
  }

  @Override
  void check(DeleteByQueryRequest request) {}

  @Override
  void prepare(SearchSourceBuilder source) {
    source.fetchSource(false);
  }

  @Override
  DocWriteRequest<?> write(DeleteByQueryRequest request, SearchHit hit) {
    return new DeleteRequest(hit.getIndex(), hit.getId())
        .setIfSeqNo(hit.getSeqNo())
        .setIfPrimaryTerm(hit.getPrimaryTerm())
        .routing(HitDocument.routing(hit));
  }
}

package esrag.modules.reindex;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.DocWriteRequest;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.HandledTransportAction;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.client.internal.ParentTaskAssigningClient;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.common.io.stream.Writeable;
import org.elasticsearch.index.reindex.AbstractBulkByPaginatedSearchRequest;
import org.elasticsearch.index.reindex.BulkByPaginatedSearchResponse;
import org.elasticsearch.index.reindex.BulkByPaginatedSearchTask;
import org.elasticsearch.search.SearchHit;
import org.elasticsearch.search.builder.SearchSourceBuilder;
import org.elasticsearch.search.slice.SliceBuilder;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.tasks.TaskId;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.TransportService;

/**
 * An action that pages through a search and writes something for each hit; stands for the reindex
 * module. Requests, tasks, status and throttling are the core's classes; there are no scripts or
 * remote clusters here.
 */
abstract class PagedAction<R extends AbstractBulkByPaginatedSearchRequest<R>>
    extends HandledTransportAction<R, BulkByPaginatedSearchResponse> {
  private final ActionType<BulkByPaginatedSearchResponse> type;
  private final Client client;
  private final ThreadPool threads;

  PagedAction(
      ActionType<BulkByPaginatedSearchResponse> type,
      TransportService transport,
      ActionFilters filters,
      Client client,
      Writeable.Reader<R> reader) {
    super(type.name(), transport, filters, reader, transport.getThreadPool().generic());
    this.type = type;
    this.client = client;
    this.threads = transport.getThreadPool();
  }

  /** Refuses what cannot be done, before anything is read or written. */
  abstract void check(R request);

  /** Says what each hit is read with. */
  abstract void prepare(SearchSourceBuilder source);

  /** What is written for a hit; must not hold on to the hit's own bytes. */
  abstract DocWriteRequest<?> write(R request, SearchHit hit);

  @Override
  protected void doExecute(
      Task task, R request, ActionListener<BulkByPaginatedSearchResponse> listener) {
    ActionListener.run(listener, l -> start((BulkByPaginatedSearchTask) task, request, l));
  }

  private void start(
      BulkByPaginatedSearchTask task,
      R request,
      ActionListener<BulkByPaginatedSearchResponse> listener) {
    check(request);
    Slices<R> slices = new Slices<>(type, client, localNode());
    slices.count(
        request,
        listener.delegateFailureAndWrap(
            (l, count) -> {
              if (count > 1) {
                task.setWorkerCount(count, request.getRequestsPerSecond());
                slices.run(task, request, l);
              } else {
                work(task, request, l);
              }
            }));
  }

  private void work(
      BulkByPaginatedSearchTask task,
      R request,
      ActionListener<BulkByPaginatedSearchResponse> listener) {
    SearchSourceBuilder source = request.getSearchRequest().source();
    prepare(source);
    SliceBuilder slice = source.slice();
    task.setWorker(request.getRequestsPerSecond(), slice == null ? null : slice.getId());
    Client child = new ParentTaskAssigningClient(client, new TaskId(localNode(), task.getId()));
    new PagedRun<>(this, task, request, child, threads, listener).start();
  }

  private String localNode() {
    return ((NodeClient) client).getLocalNodeId();
  }
}

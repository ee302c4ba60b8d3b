package esrag.modules.reindex;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.DocWriteRequest;
import org.elasticsearch.action.bulk.BulkItemResponse;
import org.elasticsearch.action.bulk.BulkRequest;
import org.elasticsearch.action.bulk.BulkResponse;
import org.elasticsearch.action.bulk.Retry;
import org.elasticsearch.action.search.ClearScrollRequest;
import org.elasticsearch.action.search.SearchRequest;
import org.elasticsearch.action.search.SearchResponse;
import org.elasticsearch.action.search.SearchScrollRequest;
import org.elasticsearch.action.search.ShardSearchFailure;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.common.BackoffPolicy;
import org.elasticsearch.common.util.concurrent.AbstractRunnable;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.index.reindex.AbstractBulkByPaginatedSearchRequest;
import org.elasticsearch.index.reindex.BulkByPaginatedSearchResponse;
import org.elasticsearch.index.reindex.BulkByPaginatedSearchTask;
import org.elasticsearch.index.reindex.PaginatedSearchFailure;
import org.elasticsearch.index.reindex.WorkerBulkByPaginatedSearchTaskState;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.search.SearchHit;
import org.elasticsearch.search.SearchShardTarget;
import org.elasticsearch.search.sort.SortOrder;
import org.elasticsearch.threadpool.ThreadPool;

/**
 * One run of a {@link PagedAction}: page, bulk, next page, until there is nothing left, a write
 * fails or the task is cancelled. Each step is called from the answer of the one before, so no
 * thread waits.
 */
final class PagedRun<R extends AbstractBulkByPaginatedSearchRequest<R>> {
  private final PagedAction<R> action;
  private final BulkByPaginatedSearchTask task;
  private final WorkerBulkByPaginatedSearchTaskState state;
  private final R request;
  private final Client client;
  private final ThreadPool threads;
  private final ActionListener<BulkByPaginatedSearchResponse> listener;
  private final long startNanos = System.nanoTime();
  private final Set<String> written = new HashSet<>();
  private final List<BulkItemResponse.Failure> writeFailures = new ArrayList<>();

  /** What is to be written for the hits of the page at hand. */
  private final Deque<DocWriteRequest<?>> waiting = new ArrayDeque<>();

  private String scrollId;
  private long batchStartNanos;
  private int batchSize;

  PagedRun(
      PagedAction<R> action,
      BulkByPaginatedSearchTask task,
      R request,
      Client client,
      ThreadPool threads,
      ActionListener<BulkByPaginatedSearchResponse> listener) {
    this.action = action;
    this.task = task;
    this.state = task.getWorkerState();
    this.request = request;
    this.client = client;
    this.threads = threads;
    this.listener = listener;
  }

  void start() {
    SearchRequest search = request.getSearchRequest();
    search.scroll(request.getScrollTime());
    search.source().seqNoAndPrimaryTerm(true).version(true).trackTotalHits(true);
    if (isLimited()) {
      search.source().size(Math.min(search.source().size(), request.getMaxDocs()));
    }
    if (search.source().sorts() == null || search.source().sorts().isEmpty()) {
      search.source().sort("_doc", SortOrder.ASC);
    }
    client.search(search, ActionListener.wrap(this::onPage, this::fail));
  }

  private boolean isLimited() {
    return request.getMaxDocs() != AbstractBulkByPaginatedSearchRequest.MAX_DOCS_ALL_MATCHES;
  }

  private void onPage(SearchResponse page) {
    scrollId = page.getScrollId();
    if (page.isTimedOut() || page.getFailedShards() > 0) {
      finish(searchFailures(page), page.isTimedOut());
      return;
    }
    long total = page.getHits().getTotalHits().value();
    if (isLimited()) {
      total = Math.min(total, request.getMaxDocs());
    }
    state.setTotal(total);
    for (SearchHit hit : page.getHits().getHits()) {
      waiting.add(action.write(request, hit));
    }
    nextBatch();
  }

  /** A limit counts what was written, so that hits passed over in conflicts make room. */
  private void nextBatch() {
    BulkRequest bulk = new BulkRequest();
    bulk.timeout(request.getTimeout());
    bulk.waitForActiveShards(request.getWaitForActiveShards());
    long room =
        isLimited() ? request.getMaxDocs() - state.getSuccessfullyProcessed() : Long.MAX_VALUE;
    while (!task.isCancelled() && !waiting.isEmpty() && bulk.numberOfActions() < room) {
      bulk.add(waiting.remove());
    }
    if (bulk.numberOfActions() == 0) {
      finish(List.of(), false);
      return;
    }
    state.countBatch();
    state.delayPrepareBulkRequest(threads, batchStartNanos, batchSize, new SendBulk(bulk));
  }

  private static List<PaginatedSearchFailure> searchFailures(SearchResponse page) {
    return Arrays.stream(page.getShardFailures()).map(PagedRun::searchFailure).toList();
  }

  private static PaginatedSearchFailure searchFailure(ShardSearchFailure failure) {
    SearchShardTarget shard = failure.shard();
    if (shard == null) {
      return new PaginatedSearchFailure(failure.getCause());
    }
    return new PaginatedSearchFailure(
        failure.getCause(), shard.getIndex(), shard.getShardId().getId(), shard.getNodeId());
  }

  /** Sends a batch once throttling lets it, and again while the cluster is too busy for it. */
  private final class SendBulk extends AbstractRunnable {
    private final BulkRequest bulk;

    SendBulk(BulkRequest bulk) {
      this.bulk = bulk;
    }

    @Override
    protected void doRun() {
      if (task.isCancelled()) {
        finish(List.of(), false);
        return;
      }
      batchStartNanos = System.nanoTime();
      batchSize = bulk.numberOfActions();
      BackoffPolicy backoff =
          BackoffPolicy.exponentialBackoff(
              request.getRetryBackoffInitialTime(), request.getMaxRetries());
      new Retry(BackoffPolicy.wrap(backoff, state::countBulkRetry), threads)
          .withBackoff(
              client::bulk, bulk, ActionListener.wrap(PagedRun.this::onWritten, this::onFailure));
    }

    @Override
    public void onFailure(Exception e) {
      fail(e);
    }
  }

  private void onWritten(BulkResponse response) {
    for (BulkItemResponse item : response) {
      written.add(item.getIndex());
      if (item.isFailed()) {
        countFailure(item.getFailure());
      } else {
        countSuccess(item);
      }
    }
    if (!writeFailures.isEmpty() || task.isCancelled()) {
      finish(List.of(), false);
      return;
    }
    if (!waiting.isEmpty() || isFull()) {
      nextBatch();
      return;
    }
    SearchScrollRequest next = new SearchScrollRequest(scrollId).scroll(request.getScrollTime());
    client.searchScroll(next, ActionListener.wrap(this::onPage, this::fail));
  }

  private boolean isFull() {
    return isLimited() && state.getSuccessfullyProcessed() >= request.getMaxDocs();
  }

  private void countFailure(BulkItemResponse.Failure failure) {
    if (failure.getStatus() == RestStatus.CONFLICT) {
      state.countVersionConflict();
      if (!request.isAbortOnVersionConflict()) {
        return;
      }
    }
    writeFailures.add(failure);
  }

  private void countSuccess(BulkItemResponse item) {
    switch (item.getResponse().getResult()) {
      case CREATED -> state.countCreated();
      case UPDATED -> state.countUpdated();
      case DELETED -> state.countDeleted();
      case NOOP, NOT_FOUND -> state.countNoop();
    }
  }

  private void finish(List<PaginatedSearchFailure> searchFailures, boolean timedOut) {
    clearScroll();
    if (request.isRefresh() && !written.isEmpty()) {
      client
          .admin()
          .indices()
          .prepareRefresh(written.toArray(String[]::new))
          .execute(
              ActionListener.wrap(
                  refreshed -> respond(searchFailures, timedOut), listener::onFailure));
    } else {
      respond(searchFailures, timedOut);
    }
  }

  private void respond(List<PaginatedSearchFailure> searchFailures, boolean timedOut) {
    TimeValue took = TimeValue.timeValueNanos(System.nanoTime() - startNanos);
    listener.onResponse(
        new BulkByPaginatedSearchResponse(
            took, task.getStatus(), writeFailures, searchFailures, timedOut));
  }

  private void fail(Exception e) {
    clearScroll();
    listener.onFailure(e);
  }

  private void clearScroll() {
    if (scrollId != null) {
      ClearScrollRequest clear = new ClearScrollRequest();
      clear.addScrollId(scrollId);
      client.clearScroll(clear, ActionListener.noop());
    }
  }
}

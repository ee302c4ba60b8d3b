package esrag.modules.reindex;

import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.admin.cluster.shards.ClusterSearchShardsGroup;
import org.elasticsearch.action.admin.cluster.shards.ClusterSearchShardsRequest;
import org.elasticsearch.action.admin.cluster.shards.ClusterSearchShardsResponse;
import org.elasticsearch.action.admin.cluster.shards.TransportClusterSearchShardsAction;
import org.elasticsearch.action.search.SearchRequest;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.index.Index;
import org.elasticsearch.index.mapper.IdFieldMapper;
import org.elasticsearch.index.reindex.AbstractBulkByPaginatedSearchRequest;
import org.elasticsearch.index.reindex.BulkByPaginatedSearchResponse;
import org.elasticsearch.index.reindex.BulkByPaginatedSearchTask;
import org.elasticsearch.index.reindex.LeaderBulkByPaginatedSearchTaskState;
import org.elasticsearch.search.slice.SliceBuilder;
import org.elasticsearch.tasks.TaskId;

/**
 * Divides a run into slices, each a run of its own under a task of its own; the task that was asked
 * for leads them and adds up their counts, both by the core's classes.
 */
final class Slices<R extends AbstractBulkByPaginatedSearchRequest<R>> {
  /** What {@code auto} stops at, however many shards an index has. */
  private static final int MOST_BY_ITSELF = 20;

  private final ActionType<BulkByPaginatedSearchResponse> action;
  private final Client client;
  private final String node;

  Slices(ActionType<BulkByPaginatedSearchResponse> action, Client client, String node) {
    this.action = action;
    this.client = client;
    this.node = node;
  }

  /** Finds out how many slices to run; {@code auto} means one for each shard. */
  void count(R request, ActionListener<Integer> listener) {
    if (request.getSlices() != AbstractBulkByPaginatedSearchRequest.AUTO_SLICES) {
      listener.onResponse(request.getSlices());
      return;
    }
    client.execute(
        TransportClusterSearchShardsAction.TYPE,
        new ClusterSearchShardsRequest(request.getTimeout(), request.getSearchRequest().indices()),
        listener.safeMap(Slices::byShards));
  }

  /** The index with the fewest shards decides. */
  private static int byShards(ClusterSearchShardsResponse shards) {
    Collection<Long> counts =
        Arrays.stream(shards.getGroups())
            .map(Slices::index)
            .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()))
            .values();
    return counts.isEmpty() ? 1 : (int) Math.min(Collections.min(counts), MOST_BY_ITSELF);
  }

  private static Index index(ClusterSearchShardsGroup group) {
    return group.getShardId().getIndex();
  }

  void run(
      BulkByPaginatedSearchTask task,
      R request,
      ActionListener<BulkByPaginatedSearchResponse> listener) {
    LeaderBulkByPaginatedSearchTaskState leader = task.getLeaderState();
    int all = leader.getSlices();
    for (int i = 0; i < all; i++) {
      int slice = i;
      R part =
          request.forSlice(
              new TaskId(node, task.getId()),
              part(request.getSearchRequest(), slice, all),
              all,
              all);
      client.execute(
          action,
          part,
          ActionListener.wrap(
              response -> leader.onSliceResponse(listener, slice, response),
              failure -> leader.onSliceFailure(listener, slice, failure)));
    }
  }

  private static SearchRequest part(SearchRequest whole, int slice, int all) {
    if (whole.source().slice() != null) {
      throw new IllegalStateException(
          "Can't slice a request that already has a slice configuration");
    }
    SearchRequest part = new SearchRequest(whole);
    return part.source(
        whole.source().shallowCopy().slice(new SliceBuilder(IdFieldMapper.NAME, slice, all)));
  }
}

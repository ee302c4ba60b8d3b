package esrag.ml.endpoint;

import esrag.ml.Kept;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.ResourceAlreadyExistsException;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.DocWriteRequest;
import org.elasticsearch.action.delete.DeleteRequest;
import org.elasticsearch.action.index.IndexRequest;
import org.elasticsearch.action.search.SearchRequest;
import org.elasticsearch.action.search.SearchResponse;
import org.elasticsearch.action.support.WriteRequest.RefreshPolicy;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.client.internal.OriginSettingClient;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.index.engine.VersionConflictEngineException;
import org.elasticsearch.index.query.QueryBuilders;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.search.SearchHit;
import org.elasticsearch.search.builder.SearchSourceBuilder;
import org.elasticsearch.xpack.core.ClientHelper;

/**
 * Keeps inference endpoints in a system index, and all of them in memory once read, since every
 * document of a pipeline asks for one. One node is assumed: nobody else writes the index.
 */
public final class EndpointStore {
  private static final int MOST = 10_000;

  private final Client client;
  private final ClusterService clusterService;
  private final Kept<Map<String, Endpoint>> known = new Kept<>();

  public EndpointStore(Client client, ClusterService clusterService) {
    this.client = new OriginSettingClient(client, ClientHelper.INFERENCE_ORIGIN);
    this.clusterService = clusterService;
  }

  /** All endpoints by id. */
  public void all(ActionListener<Map<String, Endpoint>> listener) {
    if (hasIndex()) {
      known.get(this::readAll, listener);
    } else {
      listener.onResponse(Map.of());
    }
  }

  private void readAll(ActionListener<Map<String, Endpoint>> listener) {
    SearchRequest search =
        new SearchRequest(EndpointIndex.NAME)
            .source(new SearchSourceBuilder().query(QueryBuilders.matchAllQuery()).size(MOST));
    client.search(search, listener.map(EndpointStore::read));
  }

  /** The endpoint with this id, if there is one. */
  public void find(String inferenceId, ActionListener<Optional<Endpoint>> listener) {
    all(listener.map(endpoints -> Optional.ofNullable(endpoints.get(inferenceId))));
  }

  /** The endpoint with this id, or the server's 404. */
  public void get(String inferenceId, ActionListener<Endpoint> listener) {
    find(inferenceId, listener.map(found -> found.orElseThrow(() -> unknown(inferenceId))));
  }

  /** Stores a new endpoint. */
  public void add(Endpoint endpoint, ActionListener<Endpoint> listener) {
    write(endpoint, DocWriteRequest.OpType.CREATE, listener);
  }

  /** Stores an endpoint in the place of one with the same id. */
  public void replace(Endpoint endpoint, ActionListener<Endpoint> listener) {
    write(endpoint, DocWriteRequest.OpType.INDEX, listener);
  }

  private void write(
      Endpoint endpoint, DocWriteRequest.OpType how, ActionListener<Endpoint> listener) {
    IndexRequest request;
    try {
      request =
          new IndexRequest(EndpointIndex.NAME)
              .id(endpoint.inferenceId())
              .opType(how)
              .setRefreshPolicy(RefreshPolicy.IMMEDIATE)
              .source(endpoint.toStored());
    } catch (IOException e) {
      listener.onFailure(e);
      return;
    }
    client.index(
        request,
        ActionListener.wrap(
            response -> {
              known.forget();
              listener.onResponse(endpoint);
            },
            failure ->
                listener.onFailure(
                    failure instanceof VersionConflictEngineException
                        ? exists(endpoint.inferenceId())
                        : failure)));
  }

  /** Removes an endpoint; one that is not there is removed already. */
  public void remove(String inferenceId, ActionListener<Void> listener) {
    DeleteRequest request =
        new DeleteRequest(EndpointIndex.NAME, inferenceId)
            .setRefreshPolicy(RefreshPolicy.IMMEDIATE);
    client.delete(
        request,
        listener.map(
            response -> {
              known.forget();
              return null;
            }));
  }

  /** The server's answer when an id is taken. */
  static ResourceAlreadyExistsException exists(String inferenceId) {
    return new ResourceAlreadyExistsException(
        "Inference endpoint [" + inferenceId + "] already exists");
  }

  /** The server's answer when an id is not known. */
  public static ResourceNotFoundException unknown(String inferenceId) {
    return new ResourceNotFoundException("Inference endpoint not found [{}]", inferenceId);
  }

  /** Refuses to show or delete an endpoint under another task than its own. */
  static void checkTask(TaskType requested, Endpoint endpoint) {
    if (requested.isAnyOrSame(endpoint.taskType()) == false) {
      throw new ElasticsearchStatusException(
          "Requested task type [{}] does not match the inference endpoint's task type [{}]",
          RestStatus.BAD_REQUEST,
          requested,
          endpoint.taskType());
    }
  }

  private boolean hasIndex() {
    return clusterService
        .state()
        .metadata()
        .getProject(ProjectId.DEFAULT)
        .hasIndex(EndpointIndex.NAME);
  }

  private static Map<String, Endpoint> read(SearchResponse response) {
    Map<String, Endpoint> read = new TreeMap<>();
    for (SearchHit hit : response.getHits()) {
      read.put(hit.getId(), Endpoint.fromStored(hit.getId(), hit.getSourceAsMap()));
    }
    return read;
  }
}

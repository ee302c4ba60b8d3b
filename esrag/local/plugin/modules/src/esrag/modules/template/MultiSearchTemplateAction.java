package esrag.modules.template;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.search.MultiSearchRequest;
import org.elasticsearch.action.search.MultiSearchResponse;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.TransportAction;
import org.elasticsearch.client.internal.ParentTaskAssigningClient;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.util.concurrent.EsExecutors;
import org.elasticsearch.features.FeatureService;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.script.ScriptService;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.tasks.TaskId;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xcontent.NamedXContentRegistry;

/**
 * Renders several search templates and runs them as one multi-search; a template that cannot be
 * rendered fails alone. The answer is the core's own, which has the same form.
 */
public final class MultiSearchTemplateAction
    extends TransportAction<MultiSearchTemplateRequest, MultiSearchResponse> {
  /** The action, by the name that privileges know. */
  public static final ActionType<MultiSearchResponse> TYPE =
      new ActionType<>("indices:data/read/msearch/template");

  private final TemplateSearches searches;
  private final NodeClient client;

  @Inject
  public MultiSearchTemplateAction(
      TransportService transport,
      ActionFilters filters,
      ScriptService scripts,
      NamedXContentRegistry registry,
      NodeClient client,
      ClusterService cluster,
      FeatureService features) {
    super(TYPE.name(), filters, transport.getTaskManager(), EsExecutors.DIRECT_EXECUTOR_SERVICE);
    this.searches =
        new TemplateSearches(
            scripts, registry, feature -> features.clusterHasFeature(cluster.state(), feature));
    this.client = client;
  }

  @Override
  protected void doExecute(
      Task task, MultiSearchTemplateRequest request, ActionListener<MultiSearchResponse> listener) {
    MultiSearchRequest multi = new MultiSearchRequest();
    if (request.searchesAtOnce() != 0) {
      multi.maxConcurrentSearchRequests(request.searchesAtOnce());
    }
    MultiSearchResponse.Item[] items = new MultiSearchResponse.Item[request.templates().size()];
    List<Integer> places = new ArrayList<>();
    for (int i = 0; i < items.length; i++) {
      try {
        multi.add(searches.search(request.templates().get(i)));
        places.add(i);
      } catch (IOException | RuntimeException e) { // whatever one template throws is its own
        items[i] = new MultiSearchResponse.Item(null, e);
      }
    }
    new ParentTaskAssigningClient(client, new TaskId(client.getLocalNodeId(), task.getId()))
        .multiSearch(
            multi, listener.delegateFailureAndWrap((l, found) -> respond(l, found, items, places)));
  }

  /** Puts what was found in its place among what failed before. */
  private static void respond(
      ActionListener<MultiSearchResponse> listener,
      MultiSearchResponse found,
      MultiSearchResponse.Item[] items,
      List<Integer> places) {
    MultiSearchResponse.Item[] searched = found.getResponses();
    for (int i = 0; i < searched.length; i++) {
      items[places.get(i)] = searched[i];
      if (!searched[i].isFailure()) {
        searched[i].getResponse().mustIncRef(); // as the response below lets go of it once more
      }
    }
    ActionListener.respondAndRelease(
        listener, new MultiSearchResponse(items, found.getTook().millis()));
  }
}

package esrag.modules.template;

import java.io.IOException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionType;
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
 * Renders a search template and runs the search as the same user; stands for the action of the
 * lang-mustache module, under its name.
 */
public final class SearchTemplateAction
    extends TransportAction<SearchTemplateRequest, SearchTemplateResponse> {
  /** The action, by the name that privileges know. */
  public static final ActionType<SearchTemplateResponse> TYPE =
      new ActionType<>("indices:data/read/search/template");

  private final TemplateSearches searches;
  private final NodeClient client;

  @Inject
  public SearchTemplateAction(
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
      Task task, SearchTemplateRequest request, ActionListener<SearchTemplateResponse> listener) {
    ActionListener.run(listener, l -> renderAndSearch(task, request, l));
  }

  private void renderAndSearch(
      Task task, SearchTemplateRequest request, ActionListener<SearchTemplateResponse> listener)
      throws IOException {
    if (request.search() == null) {
      listener.onResponse(SearchTemplateResponse.rendered(searches.render(request)));
      return;
    }
    new ParentTaskAssigningClient(client, new TaskId(client.getLocalNodeId(), task.getId()))
        .search(
            searches.search(request),
            listener.delegateFailureAndWrap(
                (l, response) ->
                    ActionListener.respondAndRelease(l, SearchTemplateResponse.of(response))));
  }
}

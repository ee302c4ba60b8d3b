package esrag.modules.template;

import java.io.IOException;
import java.util.function.Predicate;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.search.SearchRequest;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.TransportAction;
import org.elasticsearch.client.internal.ParentTaskAssigningClient;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.common.util.concurrent.EsExecutors;
import org.elasticsearch.common.xcontent.LoggingDeprecationHandler;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.features.FeatureService;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.script.ScriptService;
import org.elasticsearch.script.TemplateScript;
import org.elasticsearch.search.builder.SearchSourceBuilder;
import org.elasticsearch.search.internal.SearchContext;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.tasks.TaskId;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xcontent.XContentType;

/**
 * Renders a search template and runs the search as the same user; stands for the action of the
 * lang-mustache module, under its name.
 */
public final class SearchTemplateAction
    extends TransportAction<SearchTemplateRequest, SearchTemplateResponse> {
  /** The action, by the name that privileges know. */
  public static final ActionType<SearchTemplateResponse> TYPE =
      new ActionType<>("indices:data/read/search/template");

  private final ScriptService scripts;
  private final XContentParserConfiguration parsing;
  private final NodeClient client;
  private final Predicate<NodeFeature> features;

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
    this.scripts = scripts;
    this.parsing =
        XContentParserConfiguration.EMPTY
            .withRegistry(registry)
            .withDeprecationHandler(LoggingDeprecationHandler.INSTANCE);
    this.client = client;
    this.features = feature -> features.clusterHasFeature(cluster.state(), feature);
  }

  @Override
  protected void doExecute(
      Task task, SearchTemplateRequest request, ActionListener<SearchTemplateResponse> listener) {
    ActionListener.run(listener, l -> renderAndSearch(task, request, l));
  }

  private void renderAndSearch(
      Task task, SearchTemplateRequest request, ActionListener<SearchTemplateResponse> listener)
      throws IOException {
    TemplateScript.Factory template = scripts.compile(request.script(), TemplateScript.CONTEXT);
    String rendered = template.newInstance(request.script().getParams()).execute();
    SearchRequest search = request.search();
    if (search == null) {
      listener.onResponse(SearchTemplateResponse.rendered(rendered));
      return;
    }
    search.source(source(search, rendered, request));
    new ParentTaskAssigningClient(client, new TaskId(client.getLocalNodeId(), task.getId()))
        .search(
            search,
            listener.delegateFailureAndWrap(
                (l, response) ->
                    ActionListener.respondAndRelease(l, SearchTemplateResponse.of(response))));
  }

  private SearchSourceBuilder source(
      SearchRequest search, String rendered, SearchTemplateRequest request) throws IOException {
    SearchSourceBuilder source = new SearchSourceBuilder();
    try (XContentParser parser =
        XContentHelper.createParser(parsing, new BytesArray(rendered), XContentType.JSON)) {
      source.parseXContent(search, parser, false, features);
    }
    source.explain(request.explain());
    source.profile(request.profile());
    if (request.totalHitsAsInt()) {
      trackAllHits(source);
    }
    return source;
  }

  /** A plain number can only stand for a count that is exact. */
  private static void trackAllHits(SearchSourceBuilder source) {
    Integer upTo = source.trackTotalHitsUpTo();
    if (upTo == null) {
      source.trackTotalHits(true);
    } else if (upTo != SearchContext.TRACK_TOTAL_HITS_ACCURATE
        && upTo != SearchContext.TRACK_TOTAL_HITS_DISABLED) {
      throw new IllegalArgumentException(
          "[rest_total_hits_as_int] cannot be used if the tracking of total hits is not "
              + "accurate, got "
              + upTo);
    }
  }
}

package esrag.modules.template;

import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.POST;

import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.elasticsearch.action.search.SearchRequest;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.action.RestCancellableNodeClient;
import org.elasticsearch.rest.action.search.RestSearchAction;
import org.elasticsearch.xcontent.XContentParser;

/** {@code _search/template}, with or without an index in front. */
public final class RestSearchTemplateAction extends BaseRestHandler {
  private final Predicate<NodeFeature> features;

  public RestSearchTemplateAction(Predicate<NodeFeature> features) {
    this.features = features;
  }

  @Override
  public String getName() {
    return "search_template_action";
  }

  @Override
  public List<Route> routes() {
    return List.of(
        new Route(GET, "/_search/template"),
        new Route(POST, "/_search/template"),
        new Route(GET, "/{index}/_search/template"),
        new Route(POST, "/{index}/_search/template"));
  }

  @Override
  protected Set<String> responseParams() {
    return RestSearchAction.RESPONSE_PARAMS;
  }

  @Override
  protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client)
      throws IOException {
    SearchRequest search = new SearchRequest();
    RestSearchAction.parseSearchRequest(
        search, request, null, features, size -> search.source().size(size));
    SearchTemplateRequest template;
    try (XContentParser parser = request.contentOrSourceParamParser()) {
      template = SearchTemplateRequest.parse(parser);
    }
    template.search(search);
    template.explain(request.paramAsBoolean("explain", template.explain()));
    template.profile(request.paramAsBoolean("profile", template.profile()));
    template.totalHitsAsInt(
        request.paramAsBoolean(RestSearchAction.TOTAL_HITS_AS_INT_PARAM, false));
    RestSearchAction.validateSearchRequest(request, search);
    return channel ->
        new RestCancellableNodeClient(client, request.getHttpChannel())
            .execute(SearchTemplateAction.TYPE, template, new SearchTemplateListener(channel));
  }
}

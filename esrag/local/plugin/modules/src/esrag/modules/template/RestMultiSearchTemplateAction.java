package esrag.modules.template;

import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.POST;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.elasticsearch.action.search.SearchRequest;
import org.elasticsearch.action.support.IndicesOptions;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.action.RestCancellableNodeClient;
import org.elasticsearch.rest.action.RestRefCountedChunkedToXContentListener;
import org.elasticsearch.rest.action.search.RestMultiSearchAction;
import org.elasticsearch.rest.action.search.RestSearchAction;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentType;

/** {@code _msearch/template}; the core reads the lines, as it does for {@code _msearch}. */
public final class RestMultiSearchTemplateAction extends BaseRestHandler {
  private final boolean allowExplicitIndex;

  public RestMultiSearchTemplateAction(Settings settings) {
    this.allowExplicitIndex = MULTI_ALLOW_EXPLICIT_INDEX.get(settings);
  }

  @Override
  public String getName() {
    return "multi_search_template_action";
  }

  @Override
  public List<Route> routes() {
    return List.of(
        new Route(GET, "/_msearch/template"),
        new Route(POST, "/_msearch/template"),
        new Route(GET, "/{index}/_msearch/template"),
        new Route(POST, "/{index}/_msearch/template"));
  }

  @Override
  protected Set<String> responseParams() {
    return RestSearchAction.RESPONSE_PARAMS;
  }

  /** Only formats in which a line can end a text can hold several. */
  @Override
  public boolean mediaTypesValid(RestRequest request) {
    return super.mediaTypesValid(request)
        && XContentType.supportsDelimitedBulkRequests(request.getXContentType());
  }

  @Override
  protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client)
      throws IOException {
    MultiSearchTemplateRequest multi = new MultiSearchTemplateRequest();
    if (request.hasParam("max_concurrent_searches")) {
      multi.searchesAtOnce(request.paramAsInt("max_concurrent_searches", 0));
    }
    RestMultiSearchAction.parseMultiLineRequest(
        request,
        IndicesOptions.strictExpandOpenAndForbidClosedIgnoreThrottled(),
        allowExplicitIndex,
        (search, parser) -> multi.add(template(request, search, parser)),
        Optional.empty());
    return channel ->
        new RestCancellableNodeClient(client, request.getHttpChannel())
            .execute(
                MultiSearchTemplateAction.TYPE,
                multi,
                new RestRefCountedChunkedToXContentListener<>(channel));
  }

  private static SearchTemplateRequest template(
      RestRequest request, SearchRequest search, XContentParser parser) throws IOException {
    SearchTemplateRequest template = SearchTemplateRequest.parse(parser);
    if (!template.isNamed()) {
      throw new IllegalArgumentException("Malformed search template");
    }
    template.search(search);
    template.totalHitsAsInt(
        request.paramAsBoolean(RestSearchAction.TOTAL_HITS_AS_INT_PARAM, false));
    RestSearchAction.validateSearchRequest(request, search);
    return template;
  }
}

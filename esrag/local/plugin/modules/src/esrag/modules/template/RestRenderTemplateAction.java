package esrag.modules.template;

import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.POST;

import java.io.IOException;
import java.util.List;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.xcontent.XContentParser;

/** {@code _render/template}: shows the body that a search template gives, without searching. */
public final class RestRenderTemplateAction extends BaseRestHandler {

  @Override
  public String getName() {
    return "render_search_template_action";
  }

  @Override
  public List<Route> routes() {
    return List.of(
        new Route(GET, "/_render/template"),
        new Route(POST, "/_render/template"),
        new Route(GET, "/_render/template/{id}"),
        new Route(POST, "/_render/template/{id}"));
  }

  @Override
  protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client)
      throws IOException {
    SearchTemplateRequest template = new SearchTemplateRequest();
    if (request.hasContentOrSourceParam()) {
      try (XContentParser parser = request.contentOrSourceParamParser()) {
        template = SearchTemplateRequest.parse(parser);
      }
    }
    String id = request.param("id");
    if (id != null) {
      template.stored(id);
    }
    SearchTemplateRequest rendering = template;
    return channel ->
        client.execute(SearchTemplateAction.TYPE, rendering, new SearchTemplateListener(channel));
  }
}

package esrag.modules.root;

import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.HEAD;

import java.util.List;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.action.RestBuilderListener;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentBuilder;

/** {@code GET /} and {@code HEAD /}, printed for people unless told otherwise. */
public final class RestMainAction extends BaseRestHandler {

  @Override
  public String getName() {
    return "main_action";
  }

  @Override
  public List<Route> routes() {
    return List.of(new Route(GET, "/"), new Route(HEAD, "/"));
  }

  @Override
  protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
    boolean pretty = !request.hasParam("pretty");
    return channel ->
        client.execute(
            MainAction.TYPE,
            new MainRequest(),
            new RestBuilderListener<>(channel) {
              @Override
              public RestResponse buildResponse(MainResponse response, XContentBuilder builder)
                  throws Exception {
                if (pretty) {
                  builder.prettyPrint().lfAtEnd();
                }
                response.toXContent(builder, ToXContent.EMPTY_PARAMS);
                return new RestResponse(RestStatus.OK, builder);
              }
            });
  }
}

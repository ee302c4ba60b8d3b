package esrag.modules.datastream;

import static org.elasticsearch.rest.RestRequest.Method.DELETE;
import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.PUT;

import java.util.List;
import org.elasticsearch.action.datastreams.CreateDataStreamAction;
import org.elasticsearch.action.datastreams.DeleteDataStreamAction;
import org.elasticsearch.action.datastreams.GetDataStreamAction;
import org.elasticsearch.action.support.IndicesOptions;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.common.Strings;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestUtils;
import org.elasticsearch.rest.action.RestToXContentListener;

/**
 * {@code PUT}, {@code GET} and {@code DELETE /_data_stream/{name}}, the latter two with wildcards.
 */
public final class RestDataStreamAction extends BaseRestHandler {

  @Override
  public String getName() {
    return "data_stream_action";
  }

  @Override
  public List<Route> routes() {
    return List.of(
        new Route(GET, "/_data_stream"),
        new Route(GET, "/_data_stream/{name}"),
        new Route(PUT, "/_data_stream/{name}"),
        new Route(DELETE, "/_data_stream/{name}"));
  }

  @Override
  protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
    return switch (request.method()) {
      case GET -> list(request, client);
      case PUT -> create(request, client);
      default -> remove(request, client);
    };
  }

  private static RestChannelConsumer list(RestRequest request, NodeClient client) {
    GetDataStreamAction.Request question =
        new GetDataStreamAction.Request(RestUtils.getMasterNodeTimeout(request), names(request));
    question.indicesOptions(IndicesOptions.fromRequest(request, question.indicesOptions()));
    question.includeDefaults(request.paramAsBoolean("include_defaults", false));
    question.verbose(request.paramAsBoolean("verbose", false));
    return channel ->
        client.execute(
            GetDataStreamAction.INSTANCE, question, new RestToXContentListener<>(channel));
  }

  private static RestChannelConsumer create(RestRequest request, NodeClient client) {
    CreateDataStreamAction.Request creation =
        new CreateDataStreamAction.Request(
            RestUtils.getMasterNodeTimeout(request),
            RestUtils.getAckTimeout(request),
            request.param("name"));
    return channel ->
        client.execute(
            CreateDataStreamAction.INSTANCE, creation, new RestToXContentListener<>(channel));
  }

  private static RestChannelConsumer remove(RestRequest request, NodeClient client) {
    DeleteDataStreamAction.Request deletion =
        new DeleteDataStreamAction.Request(RestUtils.getMasterNodeTimeout(request), names(request));
    deletion.indicesOptions(IndicesOptions.fromRequest(request, deletion.indicesOptions()));
    return channel ->
        client.execute(
            DeleteDataStreamAction.INSTANCE, deletion, new RestToXContentListener<>(channel));
  }

  private static String[] names(RestRequest request) {
    return Strings.splitStringByCommaToArray(request.param("name", "*"));
  }
}

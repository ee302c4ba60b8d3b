package esrag.modules.datastream;

import static org.elasticsearch.rest.RestRequest.Method.DELETE;

import java.util.List;
import org.elasticsearch.action.datastreams.DeleteDataStreamAction;
import org.elasticsearch.action.support.IndicesOptions;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.common.Strings;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestUtils;
import org.elasticsearch.rest.action.RestToXContentListener;

/** {@code DELETE /_data_stream/{name}}, with wildcards. */
public final class RestDeleteDataStreamAction extends BaseRestHandler {

  @Override
  public String getName() {
    return "delete_data_stream_action";
  }

  @Override
  public List<Route> routes() {
    return List.of(new Route(DELETE, "/_data_stream/{name}"));
  }

  @Override
  protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
    DeleteDataStreamAction.Request deletion =
        new DeleteDataStreamAction.Request(
            RestUtils.getMasterNodeTimeout(request),
            Strings.splitStringByCommaToArray(request.param("name")));
    deletion.indicesOptions(IndicesOptions.fromRequest(request, deletion.indicesOptions()));
    return channel ->
        client.execute(
            DeleteDataStreamAction.INSTANCE, deletion, new RestToXContentListener<>(channel));
  }
}

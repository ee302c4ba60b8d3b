package esrag.modules.ingest;

import static org.elasticsearch.rest.RestRequest.Method.GET;

import java.util.List;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.grok.GrokBuiltinPatterns;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.action.RestToXContentListener;

/** {@code GET _ingest/processor/grok}. */
public final class RestGrokPatternsAction extends BaseRestHandler {

  @Override
  public String getName() {
    return "ingest_processor_grok_get";
  }

  @Override
  public List<Route> routes() {
    return List.of(new Route(GET, "/_ingest/processor/grok"));
  }

  @Override
  protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
    boolean sorted = request.paramAsBoolean("s", false);
    String mode =
        request.param("ecs_compatibility", GrokBuiltinPatterns.ECS_COMPATIBILITY_DISABLED);
    if (!GrokBuiltinPatterns.isValidEcsCompatibilityMode(mode)) {
      throw new IllegalArgumentException("unsupported ECS compatibility mode [" + mode + "]");
    }
    GrokPatterns.Request listing = new GrokPatterns.Request(mode, sorted);
    return channel ->
        client.executeLocally(GrokPatterns.TYPE, listing, new RestToXContentListener<>(channel));
  }
}

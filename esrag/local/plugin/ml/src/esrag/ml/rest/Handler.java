package esrag.ml.rest;

import java.io.IOException;
import java.util.List;
import java.util.Set;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestRequest;

/**
 * A REST route of the plugin: a name, its paths, and how a request becomes a call of x-pack-core's
 * action. The server's own base class checks that every parameter was used.
 */
final class Handler extends BaseRestHandler {
  /** Turns a request into the call to make. */
  interface Preparation {
    Call prepare(RestRequest request, NodeClient client) throws IOException;
  }

  /** The call to make; its answer goes to the channel. */
  interface Call {
    void answerTo(RestChannel channel) throws Exception;
  }

  private final String name;
  private final List<Route> routes;
  private final Set<String> responseParams;
  private final Preparation preparation;

  Handler(String name, List<Route> routes, Preparation preparation) {
    this(name, routes, Set.of(), preparation);
  }

  Handler(String name, List<Route> routes, Set<String> responseParams, Preparation preparation) {
    this.name = name;
    this.routes = routes;
    this.responseParams = responseParams;
    this.preparation = preparation;
  }

  @Override
  public String getName() {
    return name;
  }

  @Override
  public List<Route> routes() {
    return routes;
  }

  @Override
  protected Set<String> responseParams() {
    return responseParams;
  }

  @Override
  protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client)
      throws IOException {
    Call call = preparation.prepare(request, client);
    return call::answerTo;
  }
}

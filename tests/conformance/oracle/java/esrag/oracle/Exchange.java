package esrag.oracle;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.elasticsearch.ExceptionsHelper;
import org.elasticsearch.action.ActionRequest;
import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.common.xcontent.LoggingDeprecationHandler;
import org.elasticsearch.rest.AbstractRestChannel;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RequestParams;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.XContentParserConfiguration;

/**
 * Takes one call through the server's own REST layer: parameters, body, reading, validation. What
 * is refused becomes the answer that the server writes for that exception.
 */
final class Exchange extends BaseRestHandler {
  private static final String EVENTS = "text/event-stream";

  private final Call call;
  private final Reading reading;
  private Reading.Accepted accepted;

  private Exchange(Call call, Reading reading) {
    this.call = call;
    this.reading = reading;
  }

  /** Either {@code accepted} with a rendering, or {@code status} and {@code body} of a refusal. */
  static Map<String, Object> run(Call call, Reading reading, NamedXContentRegistry registry)
      throws IOException {
    Wire wire = new Wire(call);
    XContentParserConfiguration parsing =
        XContentParserConfiguration.EMPTY
            .withRegistry(registry)
            .withDeprecationHandler(LoggingDeprecationHandler.INSTANCE);
    RestRequest request = RestRequest.requestWithoutParameters(parsing, wire, wire);
    Channel channel = new Channel(request);
    Exchange exchange = new Exchange(call, reading);
    try {
      request = RestRequest.request(parsing, wire, wire);
      channel = new Channel(request);
      request.params().putAll(RequestParams.fromSingleValues(call.path()));
      exchange.handleRequest(request, channel, null);
    } catch (Exception refusal) {
      channel.sendResponse(new RestResponse(channel, refusal));
    }
    if (channel.response != null) {
      return Map.of(
          "status",
          channel.response.status().getStatus(),
          "events",
          channel.response.contentType().startsWith(EVENTS),
          "body",
          BytesReference.bytes(Json.raw(channel.response.content())).utf8ToString());
    }
    return Map.of("accepted", Json.text(exchange.accepted.rendering()));
  }

  @Override
  public String getName() {
    return "oracle";
  }

  @Override
  public List<Route> routes() {
    return List.of();
  }

  @Override
  protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client)
      throws IOException {
    try {
      accepted = reading.read(request);
    } catch (IOException | RuntimeException refusal) {
      throw refusal;
    } catch (Exception refusal) {
      throw new IllegalStateException(refusal);
    }
    return channel -> {
      try {
        validate(accepted.request());
        if (accepted.later() != null) {
          validate(accepted.later().read());
        }
        if (call.state() != null) {
          throw Refusals.of(call.state());
        }
      } catch (Exception refusal) {
        if (request.path().endsWith("/_stream") == false) {
          throw refusal;
        }
        channel.sendResponse(
            new RestResponse(
                ExceptionsHelper.status(refusal), EVENTS, Json.event(refusal, request)));
      }
    };
  }

  private static void validate(ActionRequest request) {
    ActionRequestValidationException invalid = request == null ? null : request.validate();
    if (invalid != null) {
      throw invalid;
    }
  }

  /** Keeps the answer. */
  private static final class Channel extends AbstractRestChannel {
    private RestResponse response;

    Channel(RestRequest request) {
      super(request, true);
    }

    @Override
    public void sendResponse(RestResponse response) {
      this.response = response;
    }
  }
}

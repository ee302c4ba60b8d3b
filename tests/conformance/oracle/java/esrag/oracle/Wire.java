package esrag.oracle;

import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.http.HttpBody;
import org.elasticsearch.http.HttpChannel;
import org.elasticsearch.http.HttpRequest;
import org.elasticsearch.http.HttpResponse;
import org.elasticsearch.rest.ChunkedRestResponseBodyPart;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestStatus;

/** A request that came over no wire, in the shape that the server's REST layer reads. */
final class Wire implements HttpRequest, HttpChannel {
  private final RestRequest.Method method;
  private final String uri;
  private HttpBody body;

  Wire(Call call) {
    method = call.method();
    uri = call.uri();
    setBody(
        call.body() == null
            ? HttpBody.empty()
            : HttpBody.fromBytesReference(new BytesArray(call.body())));
  }

  @Override
  public RestRequest.Method method() {
    return method;
  }

  @Override
  public String uri() {
    return uri;
  }

  @Override
  public Map<String, List<String>> getHeaders() {
    return body.isEmpty() ? Map.of() : Map.of("Content-Type", List.of("application/json"));
  }

  @Override
  public HttpBody body() {
    return body;
  }

  @Override
  public void setBody(HttpBody body) {
    this.body = body;
  }

  @Override
  public List<String> strictCookies() {
    return List.of();
  }

  @Override
  public HttpVersion protocolVersion() {
    return HttpVersion.HTTP_1_1;
  }

  @Override
  public HttpRequest removeHeader(String header) {
    return this;
  }

  @Override
  public boolean hasContent() {
    return body.isEmpty() == false;
  }

  @Override
  public HttpResponse createResponse(RestStatus status, BytesReference content) {
    throw new UnsupportedOperationException();
  }

  @Override
  public HttpResponse createResponse(RestStatus status, ChunkedRestResponseBodyPart first) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Exception getInboundException() {
    return null;
  }

  @Override
  public void release() {}

  @Override
  public void sendResponse(HttpResponse response, ActionListener<Void> listener) {
    throw new UnsupportedOperationException();
  }

  @Override
  public InetSocketAddress getLocalAddress() {
    return null;
  }

  @Override
  public InetSocketAddress getRemoteAddress() {
    return null;
  }

  @Override
  public void close() {}

  @Override
  public void addCloseListener(ActionListener<Void> listener) {}

  @Override
  public boolean isOpen() {
    return true;
  }
}

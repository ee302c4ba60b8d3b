package esrag.ml.service;

import esrag.ml.endpoint.Endpoint;
import esrag.ml.http.AsyncHttp;
import esrag.ml.http.Reply;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.BodySubscribers;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Flow;
import java.util.function.Function;
import org.apache.lucene.util.BytesRef;
import org.elasticsearch.ElasticsearchException;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.core.CheckedFunction;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.inference.results.StreamingChatCompletionResults;
import org.elasticsearch.xpack.core.inference.results.StreamingUnifiedChatCompletionResults;
import org.elasticsearch.xpack.core.inference.results.UnifiedChatCompletionException;

/**
 * Requests of one endpoint to its remote service.
 *
 * @param http sends them
 * @param pace decides when
 * @param endpoint the endpoint
 * @param address where to
 * @param headers what goes along, credentials included
 * @param purpose what could not be done when a request fails, for messages
 * @param wording how refusals are worded
 */
record RemoteCall(
    AsyncHttp http,
    Pace pace,
    Endpoint endpoint,
    String address,
    Map<String, String> headers,
    String purpose,
    Wording wording) {

  /** Sends a request and reads the whole answer. */
  void send(
      BytesReference body,
      TimeValue timeout,
      CheckedFunction<Reply, InferenceServiceResults, IOException> reader,
      ActionListener<InferenceServiceResults> listener) {
    ActionListener<Reply> answer =
        ActionListener.wrap(
            reply -> {
              if (reply.ok()) {
                listener.onResponse(reader.apply(reply));
              } else {
                listener.onFailure(refusal(reply));
              }
            },
            failure -> listener.onFailure(explain(failure, timeout)));
    pace.await(
        endpoint,
        timeout,
        answer.delegateFailureAndWrap((next, turn) -> http.send(request(body, timeout), next)));
  }

  /** The text of the answer, piece by piece. */
  void streamText(
      BytesReference body, TimeValue timeout, ActionListener<InferenceServiceResults> listener) {
    stream(
        body,
        timeout,
        listener.map(
            bytes -> {
              ChatEvents reader = new ChatEvents(endpoint.inferenceId(), wording);
              EventStream events = new EventStream(reader::delta, Function.identity());
              bytes.subscribe(events);
              return new StreamingChatCompletionResults(events);
            }));
  }

  /** The chunks of the answer as they come. */
  @SuppressWarnings({"unchecked", "rawtypes"})
  void streamChat(
      BytesReference body, TimeValue timeout, ActionListener<InferenceServiceResults> listener) {
    stream(
        body,
        timeout,
        listener.map(
            bytes -> {
              ChatEvents reader = new ChatEvents(endpoint.inferenceId(), wording);
              EventStream events =
                  new EventStream(reader::chunk, UnifiedChatCompletionException::fromThrowable);
              bytes.subscribe(events);
              // The reader above makes nothing but the results that are asked for here.
              return new StreamingUnifiedChatCompletionResults((Flow.Publisher) events);
            }));
  }

  /** Learns whether the service begins an answer, and lets go of it. */
  void begin(BytesReference body, TimeValue timeout, ActionListener<Void> listener) {
    stream(
        body,
        timeout,
        listener.map(
            bytes -> {
              bytes.subscribe(new Dropped());
              return null;
            }));
  }

  private void stream(
      BytesReference body,
      TimeValue timeout,
      ActionListener<Flow.Publisher<List<ByteBuffer>>> listener) {
    pace.await(
        endpoint,
        timeout,
        listener.delegateFailureAndWrap((next, turn) -> streamNow(body, timeout, next)));
  }

  private void streamNow(
      BytesReference body,
      TimeValue timeout,
      ActionListener<Flow.Publisher<List<ByteBuffer>>> listener) {
    http.stream(request(body, timeout), HttpResponse.BodyHandlers.ofPublisher())
        .whenComplete(
            (response, failure) -> {
              if (failure != null) {
                Throwable cause = AsyncHttp.unwrap(failure);
                listener.onFailure(
                    explain(
                        cause instanceof Exception e ? e : new IllegalStateException(cause),
                        timeout));
              } else if (response.statusCode() == 200) {
                listener.onResponse(response.body());
              } else {
                refuse(response, listener);
              }
            });
  }

  private void refuse(
      HttpResponse<Flow.Publisher<List<ByteBuffer>>> response,
      ActionListener<Flow.Publisher<List<ByteBuffer>>> listener) {
    BodySubscriber<byte[]> whole = BodySubscribers.ofByteArray();
    response.body().subscribe(whole);
    whole
        .getBody()
        .whenComplete(
            (bytes, failure) ->
                listener.onFailure(
                    refusal(
                        new Reply(
                            response.statusCode(),
                            failure == null ? bytes : new byte[0],
                            response.headers()))));
  }

  private ElasticsearchException refusal(Reply reply) {
    return wording.refusal(reply, endpoint.inferenceId(), address);
  }

  private HttpRequest request(BytesReference body, TimeValue timeout) {
    BytesRef bytes = body.toBytesRef();
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(address))
            .timeout(Duration.ofMillis(timeout.millis()))
            .header("content-type", "application/json");
    headers.forEach(request::setHeader);
    return request
        .POST(HttpRequest.BodyPublishers.ofByteArray(bytes.bytes, bytes.offset, bytes.length))
        .build();
  }

  /** What the server says of a request that did not arrive or whose answer it cannot read. */
  private Exception explain(Exception failure, TimeValue timeout) {
    if (failure instanceof ElasticsearchException) {
      return failure;
    }
    if (failure instanceof HttpTimeoutException
        && failure instanceof HttpConnectTimeoutException == false) {
      return new ElasticsearchStatusException(
          "Request timed out after [{}]", RestStatus.REQUEST_TIMEOUT, failure, timeout);
    }
    String cause = failure.getMessage();
    if (failure instanceof ConnectException && cause == null) {
      cause = "Connect to [" + address + "] failed: Connection refused";
    }
    return new ElasticsearchStatusException(
        "{}. Cause: {}", RestStatus.INTERNAL_SERVER_ERROR, failure, purpose, cause);
  }

  /** Takes nothing of what it is given. */
  private static final class Dropped implements Flow.Subscriber<List<ByteBuffer>> {
    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      subscription.cancel();
    }

    @Override
    public void onNext(List<ByteBuffer> bytes) {}

    @Override
    public void onError(Throwable failure) {}

    @Override
    public void onComplete() {}
  }
}

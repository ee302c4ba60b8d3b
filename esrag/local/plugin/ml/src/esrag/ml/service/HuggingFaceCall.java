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
import java.util.concurrent.Flow;
import java.util.function.Function;
import org.apache.lucene.util.BytesRef;
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

/** Requests to the address of one Hugging Face endpoint. */
final class HuggingFaceCall {
  private final AsyncHttp http;
  private final Endpoint endpoint;
  private final ServerReplies replies;

  HuggingFaceCall(AsyncHttp http, Endpoint endpoint) {
    this.http = http;
    this.endpoint = endpoint;
    this.replies = new ServerReplies(endpoint.inferenceId());
  }

  void complete(
      BytesReference body, TimeValue timeout, ActionListener<InferenceServiceResults> listener) {
    send(body, timeout, replies::completion, listener);
  }

  void embed(
      BytesReference body,
      int texts,
      TimeValue timeout,
      ActionListener<InferenceServiceResults> listener) {
    send(body, timeout, reply -> replies.vectors(reply, texts), listener);
  }

  private void send(
      BytesReference body,
      TimeValue timeout,
      CheckedFunction<Reply, InferenceServiceResults, IOException> reader,
      ActionListener<InferenceServiceResults> listener) {
    http.send(
        request(body, timeout),
        ActionListener.wrap(
            reply -> ActionListener.completeWith(listener, () -> reader.apply(reply)),
            failure -> listener.onFailure(unsent(failure))));
  }

  /** The text of the answer, piece by piece. */
  void streamText(
      BytesReference body, TimeValue timeout, ActionListener<InferenceServiceResults> listener) {
    stream(
        body,
        timeout,
        listener.map(
            bytes -> {
              EventStream events = new EventStream(ChatEvents::delta, Function.identity());
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
              EventStream events =
                  new EventStream(ChatEvents::chunk, UnifiedChatCompletionException::fromThrowable);
              bytes.subscribe(events);
              // The reader above makes nothing but the results that are asked for here.
              return new StreamingUnifiedChatCompletionResults((Flow.Publisher) events);
            }));
  }

  private void stream(
      BytesReference body,
      TimeValue timeout,
      ActionListener<Flow.Publisher<List<ByteBuffer>>> listener) {
    http.stream(request(body, timeout), HttpResponse.BodyHandlers.ofPublisher())
        .whenComplete(
            (response, failure) -> {
              if (failure != null) {
                Throwable cause = AsyncHttp.unwrap(failure);
                listener.onFailure(
                    unsent(cause instanceof Exception e ? e : new IllegalStateException(cause)));
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
                    replies.refusal(
                        new Reply(response.statusCode(), failure == null ? bytes : new byte[0]))));
  }

  private HttpRequest request(BytesReference body, TimeValue timeout) {
    BytesRef bytes = body.toBytesRef();
    return HttpRequest.newBuilder(URI.create(endpoint.text(HuggingFaceService.URL)))
        .timeout(Duration.ofMillis(timeout.millis()))
        .header("content-type", "application/json")
        .header("authorization", "Bearer " + endpoint.secrets().get(HuggingFaceService.API_KEY))
        .POST(HttpRequest.BodyPublishers.ofByteArray(bytes.bytes, bytes.offset, bytes.length))
        .build();
  }

  private Exception unsent(Exception failure) {
    if (failure instanceof HttpTimeoutException
        && failure instanceof HttpConnectTimeoutException == false) {
      return new ElasticsearchStatusException(
          "Request timed out for inference entity id [{}]",
          RestStatus.REQUEST_TIMEOUT,
          failure,
          endpoint.inferenceId());
    }
    if (failure instanceof IOException) {
      return new ElasticsearchStatusException(
          "Failed to send request from inference entity id [{}]: [{}] is {}",
          RestStatus.SERVICE_UNAVAILABLE,
          failure,
          endpoint.inferenceId(),
          endpoint.text(HuggingFaceService.URL),
          failure instanceof ConnectException ? "not reachable" : "not answering");
    }
    return failure;
  }
}

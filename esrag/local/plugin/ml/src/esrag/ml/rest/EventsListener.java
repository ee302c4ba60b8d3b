package esrag.ml.rest;

import java.io.IOException;
import java.util.Iterator;
import java.util.concurrent.Flow;
import java.util.function.Supplier;
import org.elasticsearch.ElasticsearchException;
import org.elasticsearch.ExceptionsHelper;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.common.bytes.CompositeBytesReference;
import org.elasticsearch.common.util.concurrent.ThreadContext;
import org.elasticsearch.common.xcontent.ChunkedToXContent;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.rest.ChunkedRestResponseBodyPart;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.inference.results.XContentFormattedException;

/**
 * Answers with server-sent events: each result as it comes, then {@code [DONE]}. A failure is an
 * event too; before the first result it also decides the HTTP status. Results are asked for one at
 * a time, when the client has taken the one before.
 */
final class EventsListener implements ActionListener<InferenceAction.Response> {
  private static final BytesReference DONE = new BytesArray("event: message\ndata: [DONE]\n\n");

  private final RestChannel channel;
  private final Supplier<ThreadContext.StoredContext> context;

  /**
   * @param threadContext holds what the server wants in the headers of the answer; results come on
   *     threads that do not know it
   */
  EventsListener(RestChannel channel, ThreadContext threadContext) {
    this.channel = channel;
    this.context = threadContext.newRestorableContext(true);
  }

  @SuppressWarnings("try") // what was stored is put back by closing, nothing else is done with it
  private void answer(RestResponse response) {
    try (ThreadContext.StoredContext ignored = context.get()) {
      channel.sendResponse(response);
    }
  }

  @Override
  public void onResponse(InferenceAction.Response response) {
    if (response.isStreaming()) {
      response.publisher().subscribe(new Results());
      return;
    }
    try {
      EventPart part = new EventPart(message(response), last -> last.onResponse(done()));
      answer(RestResponse.chunked(RestStatus.OK, part, () -> {}));
    } catch (IOException e) {
      onFailure(e);
    }
  }

  @Override
  public void onFailure(Exception failure) {
    answer(
        new RestResponse(ExceptionsHelper.status(failure), EventPart.CONTENT_TYPE, error(failure)));
  }

  private static EventPart done() {
    return new EventPart(DONE, null);
  }

  private BytesReference message(ChunkedToXContent result) throws IOException {
    try (XContentBuilder json = json()) {
      write(result.toXContentChunked(channel.request()), json);
      return event("message", BytesReference.bytes(json));
    }
  }

  private BytesReference error(Throwable failure) {
    try (XContentBuilder json = json()) {
      if (failure instanceof XContentFormattedException formatted) {
        write(formatted.toXContentChunked(channel.request()), json);
      } else {
        Exception shown =
            failure instanceof Exception exception ? exception : new RuntimeException(failure);
        json.startObject();
        ElasticsearchException.generateFailureXContent(json, channel.request(), shown, true);
        json.field("status", ExceptionsHelper.status(failure).getStatus()).endObject();
      }
      return event("error", BytesReference.bytes(json));
    } catch (IOException e) {
      return event("error", new BytesArray("{\"error\":\"the failure could not be written\"}"));
    }
  }

  private static XContentBuilder json() throws IOException {
    return XContentBuilder.builder(XContentType.JSON.xContent());
  }

  private void write(Iterator<? extends ToXContent> chunks, XContentBuilder json)
      throws IOException {
    while (chunks.hasNext()) {
      chunks.next().toXContent(json, channel.request());
    }
  }

  private static BytesReference event(String name, BytesReference data) {
    return CompositeBytesReference.of(
        new BytesArray("event: " + name + "\ndata: "), data, new BytesArray("\n\n"));
  }

  /** Reads the results, one whenever the response wants one. */
  private final class Results implements Flow.Subscriber<InferenceServiceResults.Result> {
    private Flow.Subscription subscription;
    private ActionListener<ChunkedRestResponseBodyPart> waiting;
    private boolean answered;

    @Override
    public void onSubscribe(Flow.Subscription given) {
      subscription = given;
      subscription.request(1);
    }

    @Override
    public void onNext(InferenceServiceResults.Result result) {
      try {
        send(new EventPart(message(result), this::proceed));
      } catch (IOException e) {
        subscription.cancel();
        onError(e);
      }
    }

    @Override
    public void onError(Throwable failure) {
      if (answered) {
        send(new EventPart(error(failure), null));
      } else {
        answered = true;
        onFailure(failure instanceof Exception known ? known : new RuntimeException(failure));
      }
    }

    @Override
    public void onComplete() {
      send(done());
    }

    private void proceed(ActionListener<ChunkedRestResponseBodyPart> listener) {
      waiting = listener;
      subscription.request(1);
    }

    private void send(EventPart part) {
      if (answered) {
        waiting.onResponse(part);
        return;
      }
      answered = true;
      answer(RestResponse.chunked(RestStatus.OK, part, subscription::cancel));
    }

    private void onFailure(Exception failure) {
      EventsListener.this.onFailure(failure);
    }
  }
}

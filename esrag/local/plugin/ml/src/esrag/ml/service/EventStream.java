package esrag.ml.service;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.rest.RestStatus;

/**
 * Turns the answer of a chat server, as its bytes come in, into results, as they are asked for.
 *
 * <p>More bytes are asked for only when the reader wants more results, so a slow reader slows the
 * server down instead of filling the memory. A stream that stops without {@code [DONE]} is an
 * error: the answer is not whole.
 */
final class EventStream
    implements Flow.Processor<List<ByteBuffer>, InferenceServiceResults.Result> {
  private static final String DONE = "[DONE]";

  /** Makes a result of an event's data, or null when there is nothing to tell. */
  interface Reader {
    InferenceServiceResults.Result read(String data) throws Exception;
  }

  private final Reader reader;
  private final Function<Throwable, Throwable> shape;
  private final EventLines lines = new EventLines();
  private final AtomicInteger work = new AtomicInteger();
  private final Queue<InferenceServiceResults.Result> ready = new ArrayDeque<>();
  private Flow.Subscription upstream;
  private Flow.Subscriber<? super InferenceServiceResults.Result> downstream;
  private long wanted;
  private boolean asked;
  private boolean ended;
  private boolean told;
  private Throwable failure;

  /**
   * @param reader makes results
   * @param shape gives failures the shape that the reader of the stream expects
   */
  EventStream(Reader reader, Function<Throwable, Throwable> shape) {
    this.reader = reader;
    this.shape = shape;
  }

  @Override
  public void subscribe(Flow.Subscriber<? super InferenceServiceResults.Result> subscriber) {
    synchronized (this) {
      if (downstream != null) {
        throw new IllegalStateException("an answer can be read once");
      }
      downstream = subscriber;
    }
    subscriber.onSubscribe(
        new Flow.Subscription() {
          @Override
          public void request(long n) {
            synchronized (EventStream.this) {
              wanted += n;
            }
            drain();
          }

          @Override
          public void cancel() {
            stop();
          }
        });
  }

  @Override
  public void onSubscribe(Flow.Subscription subscription) {
    synchronized (this) {
      upstream = subscription;
    }
    drain();
  }

  @Override
  public void onNext(List<ByteBuffer> bytes) {
    synchronized (this) {
      asked = false;
      for (String data : lines.add(bytes)) {
        take(data);
      }
    }
    drain();
  }

  private void take(String data) {
    if (ended) {
      return;
    }
    if (data.equals(DONE)) {
      ended = true;
      upstream.cancel();
      return;
    }
    try {
      InferenceServiceResults.Result result = reader.read(data);
      if (result != null) {
        ready.add(result);
      }
    } catch (Exception e) {
      failure = e;
      ended = true;
      upstream.cancel();
    }
  }

  @Override
  public void onError(Throwable throwable) {
    end(incomplete(throwable));
  }

  @Override
  public void onComplete() {
    end(incomplete(null));
  }

  private static Throwable incomplete(Throwable cause) {
    return new ElasticsearchStatusException(
        "The answer of the service ended before it was complete", RestStatus.BAD_GATEWAY, cause);
  }

  private void end(Throwable reason) {
    synchronized (this) {
      if (ended == false) {
        ended = true;
        failure = reason;
      }
    }
    drain();
  }

  private synchronized void stop() {
    ended = true;
    told = true;
    ready.clear();
    if (upstream != null) {
      upstream.cancel();
    }
  }

  /** Hands out what is ready, one call at a time however many threads come here. */
  private void drain() {
    if (work.getAndIncrement() > 0) {
      return;
    }
    do {
      Runnable step = nextStep();
      while (step != null) {
        step.run();
        step = nextStep();
      }
    } while (work.decrementAndGet() > 0);
  }

  private synchronized Runnable nextStep() {
    if (told || downstream == null) {
      return null;
    }
    if (wanted > 0 && ready.isEmpty() == false) {
      wanted--;
      InferenceServiceResults.Result result = ready.remove();
      return () -> downstream.onNext(result);
    }
    if (ended && ready.isEmpty()) {
      told = true;
      Throwable reason = failure;
      return reason == null
          ? downstream::onComplete
          : () -> downstream.onError(shape.apply(reason));
    }
    if (wanted > 0 && asked == false && upstream != null) {
      asked = true;
      return () -> upstream.request(1);
    }
    return null;
  }
}

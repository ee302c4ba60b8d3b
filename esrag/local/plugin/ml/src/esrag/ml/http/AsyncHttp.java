package esrag.ml.http;

import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import org.elasticsearch.action.ActionListener;

/**
 * Outgoing HTTP/1.1 that never blocks the calling thread.
 *
 * <p>Elasticsearch's own plugins bring an Apache client of their own for this; here it is the
 * JDK's. It knows nothing of what is sent. Answers are handed over on the executor given, so that
 * no transport thread ever does a plugin's work.
 */
public final class AsyncHttp {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

  private final Executor executor;
  private volatile HttpClient client;

  public AsyncHttp(Executor executor) {
    this.executor = executor;
  }

  /**
   * Sends a request and hands over the whole answer, whatever its status. A request that finds a
   * kept connection closed by the server is sent once more: the server has not seen it.
   */
  public void send(HttpRequest request, ActionListener<Reply> listener) {
    attempt(request, true, listener);
  }

  /** Sends a request and hands over the answer's head, its body to be read as it comes. */
  public <T> CompletableFuture<HttpResponse<T>> stream(
      HttpRequest request, HttpResponse.BodyHandler<T> handler) {
    return client().sendAsync(request, handler);
  }

  private void attempt(HttpRequest request, boolean again, ActionListener<Reply> listener) {
    client()
        .sendAsync(request, HttpResponse.BodyHandlers.ofByteArray())
        .whenCompleteAsync(
            (response, failure) -> {
              if (failure == null) {
                answer(
                    listener,
                    new Reply(response.statusCode(), response.body(), response.headers()));
                return;
              }
              Throwable cause = unwrap(failure);
              if (again && isStaleConnection(cause)) {
                attempt(request, false, listener);
              } else {
                listener.onFailure(asException(cause));
              }
            },
            executor);
  }

  private static void answer(ActionListener<Reply> listener, Reply reply) {
    try {
      listener.onResponse(reply);
    } catch (RuntimeException e) {
      listener.onFailure(e);
    }
  }

  /** The exception a failed future carries, without the future's own wrapping. */
  public static Throwable unwrap(Throwable failure) {
    Throwable cause = failure;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }

  private static boolean isStaleConnection(Throwable cause) {
    return cause instanceof IOException
        && cause.getMessage() != null
        && cause.getMessage().contains("received no bytes");
  }

  private static Exception asException(Throwable cause) {
    return cause instanceof Exception exception ? exception : new IllegalStateException(cause);
  }

  private HttpClient client() {
    HttpClient existing = client;
    if (existing != null) {
      return existing;
    }
    synchronized (this) {
      if (client == null) {
        client =
            HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(CONNECT_TIMEOUT)
                .executor(executor)
                .build();
      }
      return client;
    }
  }
}

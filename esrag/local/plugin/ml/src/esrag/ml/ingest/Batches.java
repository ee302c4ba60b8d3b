package esrag.ml.ingest;

import esrag.ml.endpoint.Coordinator;
import esrag.ml.endpoint.Endpoint;
import esrag.ml.infer.Inferrer;
import esrag.ml.infer.Target;
import esrag.ml.infer.Targets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelPrefixStrings.PrefixType;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.InferenceConfigUpdate;

/**
 * The batchers of all inference processors: one for each deployment or endpoint and kind of
 * request, so that documents of several bulk requests and pipelines share requests.
 */
public final class Batches {
  static final long GATHER_MILLIS = 5;
  private static final int REQUEST_SIZE = 128;
  private static final int IDLE_KEPT = 64;

  /** Embedding servers take no more than this in one request by default. */
  private static final Batcher.Limits EMBEDDING_SERVER = new Batcher.Limits(32, 2, 10_000);

  /** Generators take one text at a time. */
  private static final Batcher.Limits GENERATOR = new Batcher.Limits(1, 8, 10_000);

  /** For a request on the way; texts that wait here wait without limit, as on the server. */
  private static final TimeValue TIMEOUT = TimeValue.timeValueMinutes(10);

  /** What may share a request; a deployment that has been started anew may have other limits. */
  private record Key(Object target, Batcher.Limits limits, InferenceConfigUpdate update) {}

  private final Targets targets;
  private final Inferrer inferrer;
  private final Coordinator coordinator;
  private final BiConsumer<Long, Runnable> scheduler;
  private final Map<Key, Batcher> batchers = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> rejected = new ConcurrentHashMap<>();

  public Batches(
      Targets targets,
      Inferrer inferrer,
      Coordinator coordinator,
      BiConsumer<Long, Runnable> scheduler) {
    this.targets = targets;
    this.inferrer = inferrer;
    this.coordinator = coordinator;
    this.scheduler = scheduler;
  }

  /** Has a text inferred by a deployment, together with others that come about now. */
  void byModel(String id, TextInference.Piece piece, ActionListener<InferenceResults> listener) {
    targets.find(
        id,
        listener.delegateFailureAndWrap(
            (next, target) -> {
              String deploymentId = target.deploymentId();
              Key key = new Key(deploymentId, limits(target), piece.update());
              Batcher batcher =
                  batcher(
                      key,
                      (texts, answer) ->
                          inferrer.infer(deploymentId, ask(texts, piece.update()), answer));
              if (batcher.offer(piece.text(), next) == false) {
                rejected.computeIfAbsent(deploymentId, ignored -> new LongAdder()).increment();
                next.onFailure(Inferrer.queueFull());
              }
            }));
  }

  /** Has a text inferred by an endpoint, together with others that come about now. */
  void byEndpoint(
      Endpoint endpoint, TextInference.Piece piece, ActionListener<InferenceResults> listener) {
    boolean embeds = endpoint.taskType() == TaskType.TEXT_EMBEDDING;
    Key key = new Key(endpoint, embeds ? EMBEDDING_SERVER : GENERATOR, piece.update());
    Batcher batcher =
        batcher(
            key,
            (texts, answer) ->
                coordinator.byEndpoint(endpoint, ask(texts, piece.update()), answer));
    if (batcher.offer(piece.text(), listener) == false) {
      listener.onFailure(Inferrer.queueFull());
    }
  }

  /** How many texts have been turned away here, before the ML node process saw them. */
  public long rejected(String deploymentId) {
    LongAdder count = rejected.get(deploymentId);
    return count == null ? 0 : count.sum();
  }

  private Batcher batcher(Key key, Batcher.Sender sender) {
    if (batchers.size() > IDLE_KEPT) {
      batchers.values().removeIf(Batcher::idle);
    }
    return batchers.computeIfAbsent(key, ignored -> new Batcher(sender, key.limits(), scheduler));
  }

  private static Batcher.Limits limits(Target target) {
    int requestSize = Math.min(REQUEST_SIZE, target.queueCapacity());
    return new Batcher.Limits(requestSize, target.allocations() * 2, target.queueCapacity());
  }

  private static Inferrer.Ask ask(List<String> texts, InferenceConfigUpdate update) {
    return new Inferrer.Ask(texts, update, PrefixType.INGEST, TIMEOUT);
  }
}

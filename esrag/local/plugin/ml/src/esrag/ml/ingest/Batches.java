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
import java.util.function.Supplier;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.xpack.core.ml.action.InferModelAction;
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

  private static final TimeValue TIMEOUT = InferModelAction.Request.DEFAULT_TIMEOUT_FOR_INGEST;

  private record Key(String kind, Object target, InferenceConfigUpdate update) {}

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
              Key key = new Key("deployment", target, piece.update());
              Batcher batcher = batcher(key, () -> forDeployment(target, piece.update()));
              if (batcher.offer(piece.text(), next) == false) {
                rejected
                    .computeIfAbsent(target.deploymentId(), ignored -> new LongAdder())
                    .increment();
                next.onFailure(Inferrer.queueFull());
              }
            }));
  }

  /** Has a text inferred by an endpoint, together with others that come about now. */
  void byEndpoint(
      Endpoint endpoint, TextInference.Piece piece, ActionListener<InferenceResults> listener) {
    Key key = new Key("endpoint", endpoint, piece.update());
    Batcher batcher = batcher(key, () -> forEndpoint(endpoint, piece.update()));
    if (batcher.offer(piece.text(), listener) == false) {
      listener.onFailure(Inferrer.queueFull());
    }
  }

  /** How many texts have been turned away here, before the ML node process saw them. */
  public long rejected(String deploymentId) {
    LongAdder count = rejected.get(deploymentId);
    return count == null ? 0 : count.sum();
  }

  private Batcher batcher(Key key, Supplier<Batcher> maker) {
    if (batchers.size() > IDLE_KEPT) {
      batchers.values().removeIf(Batcher::idle);
    }
    return batchers.computeIfAbsent(key, ignored -> maker.get());
  }

  private Batcher forDeployment(Target target, InferenceConfigUpdate update) {
    int requestSize = Math.min(REQUEST_SIZE, target.queueCapacity());
    Batcher.Limits limits =
        new Batcher.Limits(requestSize, target.allocations() * 2, target.queueCapacity());
    return new Batcher(
        (texts, listener) -> inferrer.infer(target.deploymentId(), ask(texts, update), listener),
        limits,
        scheduler);
  }

  private Batcher forEndpoint(Endpoint endpoint, InferenceConfigUpdate update) {
    boolean embeds = endpoint.taskType() == TaskType.TEXT_EMBEDDING;
    return new Batcher(
        (texts, listener) -> coordinator.byEndpoint(endpoint, ask(texts, update), listener),
        embeds ? EMBEDDING_SERVER : GENERATOR,
        scheduler);
  }

  private static Inferrer.Ask ask(List<String> texts, InferenceConfigUpdate update) {
    return new Inferrer.Ask(texts, update, PrefixType.INGEST, TIMEOUT);
  }
}

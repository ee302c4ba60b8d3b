package esrag.ml.ingest;

import esrag.ml.infer.Inferrer;
import esrag.ml.infer.Target;
import esrag.ml.infer.Targets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.xpack.core.ml.action.InferModelAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelPrefixStrings.PrefixType;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.InferenceConfigUpdate;

/**
 * The batchers of all inference processors: one for each deployment and kind of request, so that
 * documents of several bulk requests and pipelines share requests to the ML node process.
 */
public final class Batches {
  static final long GATHER_MILLIS = 5;
  private static final int REQUEST_SIZE = 128;
  private static final int IDLE_KEPT = 64;
  private static final TimeValue TIMEOUT = InferModelAction.Request.DEFAULT_TIMEOUT_FOR_INGEST;

  private record Key(String deploymentId, InferenceConfigUpdate update) {}

  private final Targets targets;
  private final Inferrer inferrer;
  private final BiConsumer<Long, Runnable> scheduler;
  private final Map<Key, Batcher> batchers = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> rejected = new ConcurrentHashMap<>();

  public Batches(Targets targets, Inferrer inferrer, BiConsumer<Long, Runnable> scheduler) {
    this.targets = targets;
    this.inferrer = inferrer;
    this.scheduler = scheduler;
  }

  /** Has one text of a document inferred, together with others that come about now. */
  public void infer(
      String id,
      String text,
      InferenceConfigUpdate update,
      ActionListener<InferenceResults> listener) {
    targets.find(
        id, listener.delegateFailureAndWrap((next, target) -> offer(target, text, update, next)));
  }

  /** How many texts have been turned away here, before the ML node process saw them. */
  public long rejected(String deploymentId) {
    LongAdder count = rejected.get(deploymentId);
    return count == null ? 0 : count.sum();
  }

  private void offer(
      Target target,
      String text,
      InferenceConfigUpdate update,
      ActionListener<InferenceResults> listener) {
    if (batchers.size() > IDLE_KEPT) {
      batchers.values().removeIf(Batcher::idle);
    }
    Batcher batcher =
        batchers.computeIfAbsent(
            new Key(target.deploymentId(), update), key -> batcher(target, update));
    if (batcher.offer(text, listener) == false) {
      rejected.computeIfAbsent(target.deploymentId(), key -> new LongAdder()).increment();
      listener.onFailure(Inferrer.queueFull());
    }
  }

  private Batcher batcher(Target target, InferenceConfigUpdate update) {
    int requestSize = Math.min(REQUEST_SIZE, target.queueCapacity());
    Batcher.Limits limits =
        new Batcher.Limits(requestSize, target.allocations() * 2, target.queueCapacity());
    return new Batcher(
        (texts, listener) ->
            inferrer.infer(
                target.deploymentId(),
                new Inferrer.Ask(texts, update, PrefixType.INGEST, TIMEOUT),
                listener),
        limits,
        scheduler);
  }
}

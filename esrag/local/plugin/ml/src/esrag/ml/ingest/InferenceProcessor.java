package esrag.ml.ingest;

import esrag.ml.licence.Licences;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.elasticsearch.ElasticsearchSecurityException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.CountDownActionListener;
import org.elasticsearch.common.util.concurrent.ThreadContext;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.ingest.AbstractProcessor;
import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.InferenceConfigUpdate;

/**
 * The ingest processor {@code inference}: has fields of a document inferred by an endpoint or a
 * deployed model and writes the results into the document.
 *
 * <p>It answers later and on another thread; the documents of a bulk meet in {@link Batches}
 * meanwhile. What follows must run with the caller's thread context, which is restored first.
 */
final class InferenceProcessor extends AbstractProcessor {
  static final String TYPE = "inference";

  /**
   * How a processor was configured.
   *
   * @param modelId the endpoint, deployment or model
   * @param inputs where texts come from
   * @param update wishes on top of the model's config
   * @param ignoreMissing whether absent fields are passed over
   */
  record Settings(
      String modelId, Inputs inputs, InferenceConfigUpdate update, boolean ignoreMissing) {}

  /** Everything the processor needs of the plugin. */
  record Tools(TextInference inference, Licences licences, ThreadContext threadContext) {}

  private final Settings settings;
  private final Tools tools;

  /** Once licensed, a processor goes on when the licence ends, so that no documents are lost. */
  private volatile boolean previouslyLicensed;

  InferenceProcessor(String tag, String description, Settings settings, Tools tools) {
    super(tag, description);
    this.settings = settings;
    this.tools = tools;
  }

  @Override
  public String getType() {
    return TYPE;
  }

  @Override
  public boolean isAsync() {
    return true;
  }

  @Override
  public void execute(IngestDocument document, BiConsumer<IngestDocument, Exception> handler) {
    Supplier<ThreadContext.StoredContext> context = tools.threadContext().newRestorableContext(true);
    ActionListener<IngestDocument> done =
        ActionListener.wrap(
            changed -> {
              try (ThreadContext.StoredContext restored = context.get()) {
                handler.accept(changed, null);
              }
            },
            failure -> {
              try (ThreadContext.StoredContext restored = context.get()) {
                handler.accept(null, failure);
              }
            });
  }
}

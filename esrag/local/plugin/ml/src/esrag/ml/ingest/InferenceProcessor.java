package esrag.ml.ingest;

import esrag.ml.licence.Licences;
import java.util.List;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.elasticsearch.action.ActionListener;
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
   * @param inputs where texts come from and results go
   * @param update wishes on top of the model's config
   */
  record Settings(String modelId, Inputs inputs, InferenceConfigUpdate update) {}

  /** What the processor needs of the plugin. */
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
  public IngestDocument execute(IngestDocument document) {
    throw new UnsupportedOperationException("should not call synchronous execution");
  }

  @Override
  public void execute(IngestDocument document, BiConsumer<IngestDocument, Exception> handler) {
    Exception refusal =
        previouslyLicensed ? null : tools.licences().refusal(Licences.Need.MACHINE_LEARNING);
    if (refusal != null) {
      handler.accept(null, refusal);
      return;
    }
    ActionListener<List<InferenceResults>> done = finish(document, handler);
    if (settings.inputs().needModelField()) {
      tools
          .inference()
          .inputField(
              settings.modelId(),
              done.delegateFailureAndWrap((next, field) -> infer(document, field, next)));
    } else {
      infer(document, null, done);
    }
  }

  private void infer(
      IngestDocument document, String modelField, ActionListener<List<InferenceResults>> done) {
    List<String> texts;
    try {
      texts = settings.inputs().texts(document, modelField);
    } catch (RuntimeException e) {
      done.onFailure(e);
      return;
    }
    int present = (int) texts.stream().filter(Objects::nonNull).count();
    if (present == 0) {
      done.onResponse(List.of());
      return;
    }
    Gather gather = new Gather(texts.size(), present, done);
    for (int i = 0; i < texts.size(); i++) {
      if (texts.get(i) != null) {
        tools
            .inference()
            .infer(
                new TextInference.Piece(
                    settings.modelId(),
                    texts.get(i),
                    settings.update(),
                    settings.inputs().needModelField()),
                gather.slot(i));
      }
    }
  }

  private ActionListener<List<InferenceResults>> finish(
      IngestDocument document, BiConsumer<IngestDocument, Exception> handler) {
    Supplier<ThreadContext.StoredContext> context =
        tools.threadContext().newRestorableContext(true);
    return new ActionListener<>() {
      @Override
      public void onResponse(List<InferenceResults> results) {
        previouslyLicensed = true;
        if (results.isEmpty()) {
          handOver(null);
          return;
        }
        // Whatever goes wrong after the document was handed over is not the document's failure.
        tools
            .inference()
            .shownId(
                settings.modelId(),
                ActionListener.notifyOnce(
                    ActionListener.wrap(
                        shown -> handOver(write(document, results, shown)), this::handOver)));
      }

      @Override
      public void onFailure(Exception failure) {
        handOver(failure);
      }

      private void handOver(Exception failure) {
        ThreadContext.StoredContext before = context.get();
        try {
          handler.accept(failure == null ? document : null, failure);
        } finally {
          before.close();
        }
      }
    };
  }

  private Exception write(IngestDocument document, List<InferenceResults> results, String shown) {
    try {
      settings.inputs().write(document, results, shown);
      return null;
    } catch (RuntimeException e) {
      return e;
    }
  }
}

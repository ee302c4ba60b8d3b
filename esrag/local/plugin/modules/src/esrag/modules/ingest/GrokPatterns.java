package esrag.modules.ingest;

import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionRequest;
import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.action.ActionResponse;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.TransportAction;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.common.util.concurrent.EsExecutors;
import org.elasticsearch.grok.GrokBuiltinPatterns;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xcontent.ToXContentObject;
import org.elasticsearch.xcontent.XContentBuilder;

/** Lists the patterns that the {@code grok} processor knows from the server's grok library. */
public final class GrokPatterns
    extends TransportAction<GrokPatterns.Request, GrokPatterns.Response> {
  /** The action, by the name that privileges know. */
  public static final ActionType<Response> TYPE =
      new ActionType<>("cluster:admin/ingest/processor/grok/get");

  @Inject
  public GrokPatterns(TransportService transport, ActionFilters filters) {
    super(TYPE.name(), filters, transport.getTaskManager(), EsExecutors.DIRECT_EXECUTOR_SERVICE);
  }

  @Override
  protected void doExecute(Task task, Request request, ActionListener<Response> listener) {
    Map<String, String> patterns = GrokBuiltinPatterns.get(request.mode).bank();
    listener.onResponse(new Response(request.sorted ? new TreeMap<>(patterns) : patterns));
  }

  /** Which patterns, and in which order. */
  static final class Request extends ActionRequest {
    private final String mode;
    private final boolean sorted;

    Request(String mode, boolean sorted) {
      this.mode = mode;
      this.sorted = sorted;
    }

    @Override
    public ActionRequestValidationException validate() {
      return null;
    }

    /** One node serves everything here, so the request never travels. */
    @Override
    public void writeTo(StreamOutput out) throws IOException {
      TransportAction.localOnly();
    }
  }

  /** The patterns by name. */
  static final class Response extends ActionResponse implements ToXContentObject {
    private final Map<String, String> patterns;

    Response(Map<String, String> patterns) {
      this.patterns = patterns;
    }

    @Override
    public XContentBuilder toXContent(XContentBuilder builder, Params params) throws IOException {
      return builder.startObject().field("patterns").map(patterns).endObject();
    }

    @Override
    public void writeTo(StreamOutput out) {
      TransportAction.localOnly();
    }
  }
}

package esrag.modules.template;

import static org.elasticsearch.action.ValidateActions.addValidationError;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.elasticsearch.action.ActionRequest;
import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.action.CompositeIndicesRequest;
import org.elasticsearch.action.support.TransportAction;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.tasks.CancellableTask;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.tasks.TaskId;

/** Several search templates to render and search with, each authorised on its own. */
final class MultiSearchTemplateRequest extends ActionRequest implements CompositeIndicesRequest {
  private final List<SearchTemplateRequest> templates = new ArrayList<>();
  private int searchesAtOnce;

  List<SearchTemplateRequest> templates() {
    return templates;
  }

  void add(SearchTemplateRequest template) {
    templates.add(template);
  }

  /** How many searches may run at the same time; 0 leaves that to the core. */
  int searchesAtOnce() {
    return searchesAtOnce;
  }

  void searchesAtOnce(int most) {
    if (most < 1) {
      throw new IllegalArgumentException("maxConcurrentSearchRequests must be positive");
    }
    searchesAtOnce = most;
  }

  @Override
  public ActionRequestValidationException validate() {
    ActionRequestValidationException errors = null;
    if (templates.isEmpty()) {
      errors = addValidationError("no requests added", errors);
    }
    for (SearchTemplateRequest template : templates) {
      ActionRequestValidationException inner = template.validate();
      if (inner != null) {
        errors = errors == null ? new ActionRequestValidationException() : errors;
        errors.addValidationErrors(inner.validationErrors());
      }
    }
    return errors;
  }

  /** Ends with the client's connection, taking the inner searches with it. */
  @Override
  public Task createTask(
      long id, String taskType, String action, TaskId parent, Map<String, String> headers) {
    String description = "templates[" + templates.size() + "]";
    return new CancellableTask(id, taskType, action, description, parent, headers);
  }

  /** One node serves everything here, so the request never travels. */
  @Override
  public void writeTo(StreamOutput out) throws IOException {
    TransportAction.localOnly();
  }
}

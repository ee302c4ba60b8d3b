package esrag.modules.root;

import org.elasticsearch.action.ActionRequest;
import org.elasticsearch.action.ActionRequestValidationException;

/** The question {@code GET /}, which has no parameters. */
final class MainRequest extends ActionRequest {
  @Override
  public ActionRequestValidationException validate() {
    return null;
  }
}

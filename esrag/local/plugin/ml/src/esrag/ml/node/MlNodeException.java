package esrag.ml.node;

import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.rest.RestStatus;

/** A refusal of the ML node process, with the kind it gave. */
public final class MlNodeException extends ElasticsearchStatusException {
  private static final long serialVersionUID = 1L;

  private final String kind;

  public MlNodeException(RestStatus status, String kind, String reason) {
    super("{}", status, reason);
    this.kind = kind;
  }

  /** One of not_found, already_exists, deployed, not_deployed, queue_full, timeout, … */
  public String kind() {
    return kind;
  }

  /** The failure as callers of the server see it: without a kind that the server does not have. */
  public static Exception shown(Exception failure) {
    return failure instanceof MlNodeException refusal
        ? new ElasticsearchStatusException("{}", refusal.status(), refusal.getMessage())
        : failure;
  }
}

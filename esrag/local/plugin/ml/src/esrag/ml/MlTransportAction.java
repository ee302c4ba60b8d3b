package esrag.ml;

import esrag.ml.licence.Licences;
import esrag.ml.node.MlNodeException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionRequest;
import org.elasticsearch.action.ActionResponse;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.ContextPreservingActionListener;
import org.elasticsearch.action.support.TransportAction;
import org.elasticsearch.common.util.concurrent.EsExecutors;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.transport.TransportService;

/**
 * The common part of the plugin's implementations of x-pack-core's actions: the licence is asked,
 * the caller's thread context is restored before the answer goes out, and what is thrown becomes
 * the answer's failure.
 *
 * <p>Authorisation happens before, in the security plugin's filter, by the action's real name. None
 * of the implementations may block: they run on the thread of the caller.
 */
public abstract class MlTransportAction<Q extends ActionRequest, R extends ActionResponse>
    extends TransportAction<Q, R> {
  private final MlServices services;
  private final Licences.Need need;

  protected MlTransportAction(
      String name,
      Licences.Need need,
      TransportService transport,
      ActionFilters filters,
      MlServices services) {
    super(name, filters, transport.getTaskManager(), EsExecutors.DIRECT_EXECUTOR_SERVICE);
    this.services = services;
    this.need = need;
  }

  @Override
  protected final void doExecute(Task task, Q request, ActionListener<R> listener) {
    ActionListener<R> restoring =
        ContextPreservingActionListener.wrapPreservingContext(
            listener.<R>delegateResponse(
                (next, failure) -> next.onFailure(MlNodeException.shown(failure))),
            services.threadPool().getThreadContext());
    Exception refusal = services.licences().refusal(need);
    if (refusal != null) {
      restoring.onFailure(refusal);
      return;
    }
    ActionListener.run(restoring, answer -> answer(request, answer));
  }

  protected final MlServices services() {
    return services;
  }

  /** Does the action's work and answers once. */
  protected abstract void answer(Q request, ActionListener<R> listener) throws Exception;
}

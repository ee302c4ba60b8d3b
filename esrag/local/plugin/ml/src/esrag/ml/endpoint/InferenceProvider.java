package esrag.ml.endpoint;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.InferenceServiceConfiguration;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.inference.RerankRequest;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.inference.action.UnifiedCompletionAction;

/** A service that endpoints can use, such as a deployed model or a TGI server. */
public interface InferenceProvider {

  /**
   * The settings of a request for an endpoint. What a service understands it takes out of the maps;
   * what is left is refused.
   *
   * @param service the service settings
   * @param task the task settings
   */
  record Given(Map<String, Object> service, Map<String, Object> task) {}

  /** The name that endpoints give in {@code service}. */
  String name();

  /** Older names of the same service. */
  default List<String> aliases() {
    return List.of();
  }

  /** The tasks that the service does. */
  Set<TaskType> tasks();

  /** The tasks whose results can be had piece by piece. */
  default Set<TaskType> streamingTasks() {
    return Set.of();
  }

  /** What {@code _inference/_services} shows. */
  InferenceServiceConfiguration configuration();

  /**
   * Reads the settings of a new endpoint.
   *
   * @param draft the endpoint without settings; its service is the name that the request gave
   * @param given what was given
   */
  void read(Endpoint draft, Given given, ActionListener<Endpoint> listener);

  /** Merges new settings into an endpoint; nothing is proved or stored yet. */
  Endpoint update(Endpoint endpoint, Given given);

  /** Makes a new endpoint ready and proves it by a real request; completes its settings. */
  void create(Endpoint endpoint, TimeValue timeout, ActionListener<Endpoint> listener);

  /** Proves a changed endpoint, and changes what {@link #create} has started. */
  void change(
      Endpoint before, Endpoint after, TimeValue timeout, ActionListener<Endpoint> listener);

  /** Lets go of what {@link #create} has started. */
  void delete(Endpoint endpoint, ActionListener<Void> listener);

  /** Brings those settings up to date that change by themselves. */
  default void refresh(List<Endpoint> endpoints, ActionListener<List<Endpoint>> listener) {
    listener.onResponse(endpoints);
  }

  /** Embeds or completes. */
  void infer(
      Endpoint endpoint,
      InferenceAction.Request request,
      ActionListener<InferenceServiceResults> listener);

  /** Ranks passages by a question. */
  default void rerank(
      Endpoint endpoint,
      RerankRequest request,
      TimeValue timeout,
      ActionListener<InferenceServiceResults> listener) {
    listener.onFailure(unsupported(TaskType.RERANK));
  }

  /** Continues a conversation, piece by piece. */
  default void chat(
      Endpoint endpoint,
      UnifiedCompletionAction.Request request,
      ActionListener<InferenceServiceResults> listener) {
    listener.onFailure(unsupported(TaskType.CHAT_COMPLETION));
  }

  /** The deployment behind an endpoint, if it is one of this cluster. */
  default Optional<String> deployment(Endpoint endpoint) {
    return Optional.empty();
  }

  private ElasticsearchStatusException unsupported(TaskType task) {
    return new ElasticsearchStatusException(
        TaskType.unsupportedTaskTypeErrorMsg(task, name()), RestStatus.BAD_REQUEST);
  }
}

package esrag.ml.endpoint;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.InferenceServiceConfiguration;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.inference.action.UnifiedCompletionAction;

/** A service that endpoints can use, such as a deployed model or a TGI server. */
public interface InferenceProvider {

  /** The name that endpoints give in {@code service}. */
  String name();

  /** The tasks that the service does. */
  Set<TaskType> tasks();

  /** What {@code _inference/_services} shows. */
  InferenceServiceConfiguration configuration();

  /**
   * Reads the settings of a new endpoint.
   *
   * @param draft the endpoint without settings
   * @param serviceSettings what was given; what is understood is removed
   */
  Endpoint read(Endpoint draft, Map<String, Object> serviceSettings);

  /** Makes a new endpoint ready and proves it by a real request; completes its settings. */
  void create(Endpoint endpoint, TimeValue timeout, ActionListener<Endpoint> listener);

  /** Lets go of what {@link #create} has started. */
  void delete(Endpoint endpoint, ActionListener<Void> listener);

  /** Embeds or completes. */
  void infer(
      Endpoint endpoint,
      InferenceAction.Request request,
      ActionListener<InferenceServiceResults> listener);

  /** Continues a conversation, piece by piece. */
  void chat(
      Endpoint endpoint,
      UnifiedCompletionAction.Request request,
      ActionListener<InferenceServiceResults> listener);

  /** The deployment behind an endpoint, if it is one of this cluster. */
  default Optional<String> deployment(Endpoint endpoint) {
    return Optional.empty();
  }
}

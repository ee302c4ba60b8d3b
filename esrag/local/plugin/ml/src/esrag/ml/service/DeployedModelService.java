package esrag.ml.service;

import esrag.ml.endpoint.Endpoint;
import esrag.ml.endpoint.EndpointSettings;
import esrag.ml.endpoint.InferenceProvider;
import esrag.ml.infer.Inferrer;
import esrag.ml.infer.Targets;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.common.ValidationException;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.inference.InferenceServiceConfiguration;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.inference.InputType;
import org.elasticsearch.inference.ModelConfigurations;
import org.elasticsearch.inference.SettingsConfiguration;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.inference.configuration.SettingsConfigurationFieldType;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.ClientHelper;
import org.elasticsearch.xpack.core.inference.InferenceUtils;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.inference.action.UnifiedCompletionAction;
import org.elasticsearch.xpack.core.inference.results.DenseEmbeddingFloatResults;
import org.elasticsearch.xpack.core.ml.action.StartTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.action.StopTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelPrefixStrings.PrefixType;
import org.elasticsearch.xpack.core.ml.inference.assignment.AllocationStatus;
import org.elasticsearch.xpack.core.ml.inference.results.ErrorInferenceResults;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.TextEmbeddingConfigUpdate;

/**
 * The service {@code elasticsearch}: embeds by a trained model of this cluster. An endpoint starts
 * a deployment of its own, under its own id, unless it names one that is there.
 */
public final class DeployedModelService implements InferenceProvider {
  public static final String NAME = "elasticsearch";
  private static final String MODEL_ID = EndpointSettings.MODEL_ID;
  private static final String DEPLOYMENT_ID = "deployment_id";
  private static final String NUM_ALLOCATIONS = "num_allocations";
  private static final String NUM_THREADS = "num_threads";
  private static final String ADAPTIVE = "adaptive_allocations";

  private final Client client;
  private final Targets targets;
  private final Inferrer inferrer;

  public DeployedModelService(Client client, Targets targets, Inferrer inferrer) {
    this.client = client;
    this.targets = targets;
    this.inferrer = inferrer;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Set<TaskType> tasks() {
    return EnumSet.of(TaskType.TEXT_EMBEDDING);
  }

  @Override
  public Endpoint read(Endpoint draft, Map<String, Object> serviceSettings) {
    ValidationException errors = new ValidationException();
    SettingsReader reader =
        new SettingsReader(serviceSettings, ModelConfigurations.SERVICE_SETTINGS, errors);
    Map<String, Object> settings = new LinkedHashMap<>();
    String deploymentId = reader.optionalText(DEPLOYMENT_ID);
    Integer allocations = reader.optionalPositive(NUM_ALLOCATIONS);
    Map<?, ?> adaptive = reader.optionalObject(ADAPTIVE);
    if (allocations == null && adaptive == null && deploymentId == null) {
      errors.addValidationError(
          InferenceUtils.missingSettingErrorMsg(
              NUM_ALLOCATIONS, ModelConfigurations.SERVICE_SETTINGS));
    }
    if (allocations != null) {
      settings.put(NUM_ALLOCATIONS, allocations);
    }
    Integer threads =
        deploymentId == null
            ? reader.requiredPositive(NUM_THREADS)
            : reader.optionalPositive(NUM_THREADS);
    if (threads != null) {
      settings.put(NUM_THREADS, threads);
    }
    settings.put(MODEL_ID, reader.requiredText(MODEL_ID));
    if (deploymentId != null) {
      settings.put(DEPLOYMENT_ID, deploymentId);
    }
    if (adaptive != null) {
      settings.put(ADAPTIVE, new HashMap<>(adaptive));
    }
    errors.throwIfValidationErrorsExist();
    return draft.with(settings);
  }

  @Override
  public Optional<String> deployment(Endpoint endpoint) {
    String given = endpoint.text(DEPLOYMENT_ID);
    return Optional.of(given == null ? endpoint.inferenceId() : given);
  }

  @Override
  public void create(Endpoint endpoint, TimeValue timeout, ActionListener<Endpoint> listener) {
    if (endpoint.settings().containsKey(DEPLOYMENT_ID)) {
      useDeployment(endpoint, timeout, listener);
    } else {
      startDeployment(
          endpoint,
          timeout,
          listener.delegateFailureAndWrap(
              (next, started) ->
                  probe(
                      endpoint,
                      timeout,
                      next.delegateResponse(
                          (last, failure) ->
                              delete(
                                  endpoint,
                                  ActionListener.running(() -> last.onFailure(failure)))))));
    }
  }

  private void useDeployment(
      Endpoint endpoint, TimeValue timeout, ActionListener<Endpoint> listener) {
    targets.find(
        endpoint.text(DEPLOYMENT_ID),
        listener.delegateFailureAndWrap(
            (next, target) -> {
              String model = target.config().getModelId();
              if (model.equals(endpoint.text(MODEL_ID)) == false) {
                throw new ElasticsearchStatusException(
                    "Deployment [{}] uses model [{}] which does not match the model [{}] in the"
                        + " request.",
                    RestStatus.BAD_REQUEST,
                    target.deploymentId(),
                    model,
                    endpoint.text(MODEL_ID));
              }
              probe(endpoint, timeout, next);
            }));
  }

  private void startDeployment(
      Endpoint endpoint, TimeValue timeout, ActionListener<Void> listener) {
    StartTrainedModelDeploymentAction.Request start =
        new StartTrainedModelDeploymentAction.Request(
            endpoint.text(MODEL_ID), endpoint.inferenceId());
    if (endpoint.settings().get(NUM_ALLOCATIONS) instanceof Integer allocations) {
      start.setNumberOfAllocations(allocations);
    }
    if (endpoint.settings().get(NUM_THREADS) instanceof Integer threads) {
      start.setThreadsPerAllocation(threads);
    }
    start.setTimeout(timeout);
    start.setWaitForState(AllocationStatus.State.STARTED);
    ClientHelper.executeAsyncWithOrigin(
        client,
        ClientHelper.ML_ORIGIN,
        StartTrainedModelDeploymentAction.INSTANCE,
        start,
        listener.map(response -> null));
  }

  private void probe(Endpoint endpoint, TimeValue timeout, ActionListener<Endpoint> listener) {
    infer(
        endpoint,
        Embeddings.probe(endpoint, timeout),
        ActionListener.wrap(
            results -> listener.onResponse(Embeddings.measured(endpoint, results)),
            failure -> listener.onFailure(Embeddings.unproven(failure))));
  }

  @Override
  public void delete(Endpoint endpoint, ActionListener<Void> listener) {
    if (endpoint.settings().containsKey(DEPLOYMENT_ID)) {
      listener.onResponse(null);
      return;
    }
    StopTrainedModelDeploymentAction.Request stop =
        new StopTrainedModelDeploymentAction.Request(endpoint.inferenceId());
    stop.setForce(true);
    ClientHelper.executeAsyncWithOrigin(
        client,
        ClientHelper.ML_ORIGIN,
        StopTrainedModelDeploymentAction.INSTANCE,
        stop,
        listener.map(response -> null));
  }

  @Override
  public void infer(
      Endpoint endpoint,
      InferenceAction.Request request,
      ActionListener<InferenceServiceResults> listener) {
    Inferrer.Ask ask =
        new Inferrer.Ask(
            request.getInput(),
            TextEmbeddingConfigUpdate.EMPTY_INSTANCE,
            prefix(request.getInputType()),
            Timeouts.of(request.getInferenceTimeout(), endpoint.taskType()));
    inferrer.infer(
        deployment(endpoint).orElseThrow(), ask, listener.map(DeployedModelService::vectors));
  }

  private static InferenceServiceResults vectors(List<InferenceResults> results) throws Exception {
    for (InferenceResults result : results) {
      if (result instanceof ErrorInferenceResults error) {
        throw error.getException();
      }
    }
    return DenseEmbeddingFloatResults.of(results);
  }

  private static PrefixType prefix(InputType inputType) {
    if (inputType == null) {
      return PrefixType.NONE;
    }
    return switch (inputType) {
      case SEARCH, INTERNAL_SEARCH -> PrefixType.SEARCH;
      case INGEST, INTERNAL_INGEST -> PrefixType.INGEST;
      default -> PrefixType.NONE;
    };
  }

  @Override
  public void chat(
      Endpoint endpoint,
      UnifiedCompletionAction.Request request,
      ActionListener<InferenceServiceResults> listener) {
    listener.onFailure(
        new ElasticsearchStatusException(
            "The [{}] service does not support task type [{}]",
            RestStatus.BAD_REQUEST,
            NAME,
            TaskType.CHAT_COMPLETION));
  }

  @Override
  public InferenceServiceConfiguration configuration() {
    Map<String, SettingsConfiguration> shown = new LinkedHashMap<>();
    shown.put(
        MODEL_ID,
        setting("Model ID", "The name of the model.", SettingsConfigurationFieldType.STRING));
    shown.put(
        NUM_ALLOCATIONS,
        setting(
            "Number Allocations",
            "The total number of allocations this model is assigned.",
            SettingsConfigurationFieldType.INTEGER));
    shown.put(
        NUM_THREADS,
        setting(
            "Number Threads",
            "The number of threads used by each model allocation.",
            SettingsConfigurationFieldType.INTEGER));
    return new InferenceServiceConfiguration.Builder()
        .setService(NAME)
        .setName("Elasticsearch")
        .setTaskTypes(EnumSet.copyOf(tasks()))
        .setConfigurations(shown)
        .build();
  }

  private SettingsConfiguration setting(
      String label, String description, SettingsConfigurationFieldType type) {
    return new SettingsConfiguration.Builder(EnumSet.copyOf(tasks()))
        .setLabel(label)
        .setDescription(description)
        .setRequired(true)
        .setSensitive(false)
        .setUpdatable(false)
        .setType(type)
        .build();
  }
}

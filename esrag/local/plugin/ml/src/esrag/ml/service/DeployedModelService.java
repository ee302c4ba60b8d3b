package esrag.ml.service;

import static esrag.ml.service.DeployedModelSettings.DEPLOYMENT_ID;
import static esrag.ml.service.DeployedModelSettings.MODEL_ID;
import static esrag.ml.service.DeployedModelSettings.NUM_ALLOCATIONS;
import static esrag.ml.service.DeployedModelSettings.NUM_THREADS;

import esrag.ml.endpoint.Endpoint;
import esrag.ml.endpoint.InferenceProvider;
import esrag.ml.infer.Inferrer;
import esrag.ml.node.Deployment;
import esrag.ml.node.MlNodeClient;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.common.logging.DeprecationCategory;
import org.elasticsearch.common.logging.DeprecationLogger;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.inference.InferenceServiceConfiguration;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.inference.InferenceString;
import org.elasticsearch.inference.InputType;
import org.elasticsearch.inference.RerankRequest;
import org.elasticsearch.inference.SimilarityMeasure;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelPrefixStrings.PrefixType;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.InferenceConfigUpdate;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.TextEmbeddingConfigUpdate;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.TextExpansionConfigUpdate;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.TextSimilarityConfigUpdate;

/**
 * The service {@code elasticsearch}: embeds and ranks by a trained model of this cluster. An
 * endpoint starts a deployment of its own, under its own id, unless it names one that is there.
 */
public final class DeployedModelService implements InferenceProvider {
  public static final String NAME = "elasticsearch";
  private static final String ELSER = "elser";
  private static final DeprecationLogger DEPRECATION =
      DeprecationLogger.getLogger(DeployedModelService.class);

  private final DeployedModels models;
  private final OwnDeployments deployments;
  private final MlNodeClient node;
  private final Inferrer inferrer;

  public DeployedModelService(Client client, MlNodeClient node, Inferrer inferrer) {
    this.models = new DeployedModels(node);
    this.deployments = new OwnDeployments(client);
    this.node = node;
    this.inferrer = inferrer;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public List<String> aliases() {
    return List.of(ELSER);
  }

  @Override
  public Set<TaskType> tasks() {
    return EnumSet.of(TaskType.TEXT_EMBEDDING, TaskType.SPARSE_EMBEDDING, TaskType.RERANK);
  }

  @Override
  public void read(Endpoint draft, Given given, ActionListener<Endpoint> listener) {
    Endpoint named =
        new Endpoint(
            draft.inferenceId(),
            draft.taskType(),
            NAME,
            Map.of(),
            Map.of(),
            Map.of(),
            draft.chunking());
    boolean elser = draft.service().equals(ELSER);
    String wanted = text(given, MODEL_ID);
    String deploymentId = text(given, DEPLOYMENT_ID);
    if (deploymentId != null) {
      models.deployment(
          deploymentId,
          wanted,
          draft.taskType(),
          listener.map(found -> DeployedModelSettings.of(named, found, given)));
      return;
    }
    if (wanted == null && elser == false) {
      throw new IllegalArgumentException(
          "Error parsing service settings, model_id must be provided");
    }
    if (elser) {
      warnOfElser();
    }
    check(
        wanted == null ? elserHere() : wanted,
        wanted == null ? DeployedModels.ELSER : wanted,
        draft.taskType(),
        listener.map(modelId -> DeployedModelSettings.read(named, modelId, given)));
  }

  /** Hands over the model that is there and does the task, the first choice or the second. */
  private void check(
      String modelId, String orElse, TaskType task, ActionListener<String> listener) {
    models.check(
        modelId,
        task,
        ActionListener.wrap(
            found -> listener.onResponse(modelId),
            failure -> {
              if (modelId.equals(orElse)) {
                listener.onFailure(failure);
              } else {
                check(orElse, orElse, task, listener);
              }
            }));
  }

  private static String text(Given given, String name) {
    Object value = given.service().get(name);
    return value == null ? null : value.toString();
  }

  /** The variant of ELSER that the server would take on this machine. */
  private static String elserHere() {
    return "amd64".equals(System.getProperty("os.arch"))
        ? DeployedModels.ELSER_LINUX
        : DeployedModels.ELSER;
  }

  private static void warnOfElser() {
    DEPRECATION.warn(
        DeprecationCategory.API,
        "inference_api_elser_service",
        "The [{}] service is deprecated and will be removed in a future release. Use the [{}]"
            + " service instead, with [model_id] set to [{}] in the [service_settings]",
        ELSER,
        NAME,
        elserHere());
  }

  @Override
  public Endpoint update(Endpoint endpoint, Given given) {
    return DeployedModelSettings.update(endpoint, given);
  }

  @Override
  public Optional<String> deployment(Endpoint endpoint) {
    String given = endpoint.text(DEPLOYMENT_ID);
    return Optional.of(given == null ? endpoint.inferenceId() : given);
  }

  @Override
  public void create(Endpoint endpoint, TimeValue timeout, ActionListener<Endpoint> listener) {
    if (endpoint.settings().containsKey(DEPLOYMENT_ID)) {
      probe(endpoint, timeout, listener);
      return;
    }
    deployments.start(
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

  private void probe(Endpoint endpoint, TimeValue timeout, ActionListener<Endpoint> listener) {
    ActionListener<InferenceServiceResults> proof =
        Embeddings.proving(endpoint, SimilarityMeasure.COSINE.toString(), listener);
    List<String> texts = List.of(Embeddings.PROBE);
    if (endpoint.taskType() == TaskType.RERANK) {
      ask(
          endpoint,
          texts,
          new TextSimilarityConfigUpdate("test query"),
          PrefixType.INGEST,
          timeout,
          proof.map(results -> DeployedModelResults.ranking(results, null, null)));
    } else {
      embed(endpoint, texts, PrefixType.INGEST, timeout, proof);
    }
  }

  @Override
  public void change(
      Endpoint before, Endpoint after, TimeValue timeout, ActionListener<Endpoint> listener) {
    if (before.settings().equals(after.settings())) {
      listener.onResponse(after);
    } else {
      deployments.update(after, listener.map(updated -> after));
    }
  }

  @Override
  public void delete(Endpoint endpoint, ActionListener<Void> listener) {
    if (endpoint.settings().containsKey(DEPLOYMENT_ID)) {
      listener.onResponse(null);
    } else {
      deployments.stop(endpoint, listener);
    }
  }

  @Override
  public void refresh(List<Endpoint> endpoints, ActionListener<List<Endpoint>> listener) {
    node.deployments(
        ActionListener.wrap(
            found -> {
              Map<String, Deployment> byId =
                  found.stream().collect(Collectors.toMap(Deployment::deploymentId, d -> d));
              listener.onResponse(
                  endpoints.stream().map(endpoint -> counted(endpoint, byId)).toList());
            },
            // As on a cluster: without statistics the endpoints are shown as they are stored.
            failure -> listener.onResponse(endpoints)));
  }

  private Endpoint counted(Endpoint endpoint, Map<String, Deployment> deployed) {
    Deployment deployment = deployed.get(deployment(endpoint).orElseThrow());
    return deployment == null
        ? endpoint
        : endpoint.with(Map.of(NUM_ALLOCATIONS, deployment.targetAllocations()));
  }

  @Override
  public void infer(
      Endpoint endpoint,
      InferenceAction.Request request,
      ActionListener<InferenceServiceResults> listener) {
    embed(
        endpoint,
        request.getInput(),
        prefix(request.getInputType()),
        Timeouts.of(request.getInferenceTimeout(), endpoint.taskType()),
        listener);
  }

  private void embed(
      Endpoint endpoint,
      List<String> texts,
      PrefixType prefix,
      TimeValue timeout,
      ActionListener<InferenceServiceResults> listener) {
    InferenceConfigUpdate update =
        endpoint.taskType() == TaskType.SPARSE_EMBEDDING
            ? TextExpansionConfigUpdate.EMPTY_UPDATE
            : TextEmbeddingConfigUpdate.EMPTY_INSTANCE;
    ask(
        endpoint,
        texts,
        update,
        prefix,
        timeout,
        listener.map(results -> DeployedModelResults.embeddings(endpoint.taskType(), results)));
  }

  private void ask(
      Endpoint endpoint,
      List<String> texts,
      InferenceConfigUpdate update,
      PrefixType prefix,
      TimeValue timeout,
      ActionListener<List<InferenceResults>> listener) {
    inferrer.infer(
        deployment(endpoint).orElseThrow(),
        new Inferrer.Ask(texts, update, prefix, timeout),
        listener);
  }

  @Override
  public void rerank(
      Endpoint endpoint,
      RerankRequest request,
      TimeValue timeout,
      ActionListener<InferenceServiceResults> listener) {
    RerankWishes wishes = RerankWishes.of(endpoint, request);
    List<String> texts = InferenceString.toStringList(request.inputs());
    ask(
        endpoint,
        texts,
        new TextSimilarityConfigUpdate(InferenceString.textValue(request.query())),
        PrefixType.NONE,
        Timeouts.of(timeout, endpoint.taskType()),
        listener.map(
            results ->
                DeployedModelResults.ranking(
                    results,
                    Boolean.FALSE.equals(wishes.withTexts()) ? null : texts,
                    wishes.most())));
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
  public InferenceServiceConfiguration configuration() {
    EnumSet<TaskType> tasks = EnumSet.copyOf(tasks());
    return new ShownSettings(NAME, "Elasticsearch", tasks)
        .text(
            MODEL_ID,
            "Model ID",
            "The name of the model to use for the inference task.",
            tasks,
            true)
        .number(
            NUM_ALLOCATIONS,
            "Number Allocations",
            "The total number of allocations this model is assigned across machine learning nodes.",
            tasks,
            true)
        .number(
            NUM_THREADS,
            "Number Threads",
            "Sets the number of threads used by each model allocation during inference.",
            tasks,
            true)
        .build();
  }
}

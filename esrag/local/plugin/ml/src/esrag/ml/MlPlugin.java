package esrag.ml;

import esrag.ml.deployment.TransportClearCache;
import esrag.ml.deployment.TransportMlMemory;
import esrag.ml.deployment.TransportModelsStats;
import esrag.ml.deployment.TransportStartDeployment;
import esrag.ml.deployment.TransportStopDeployment;
import esrag.ml.deployment.TransportUpdateDeployment;
import esrag.ml.endpoint.Coordinator;
import esrag.ml.endpoint.EndpointIndex;
import esrag.ml.endpoint.EndpointStore;
import esrag.ml.endpoint.Providers;
import esrag.ml.endpoint.TransportCoordinatedInference;
import esrag.ml.endpoint.TransportDeleteEndpoint;
import esrag.ml.endpoint.TransportEmbedding;
import esrag.ml.endpoint.TransportGetEndpoints;
import esrag.ml.endpoint.TransportGetServices;
import esrag.ml.endpoint.TransportInference;
import esrag.ml.endpoint.TransportInferenceProxy;
import esrag.ml.endpoint.TransportPutEndpoint;
import esrag.ml.endpoint.TransportRerank;
import esrag.ml.endpoint.TransportUnifiedCompletion;
import esrag.ml.endpoint.TransportUpdateEndpoint;
import esrag.ml.http.AsyncHttp;
import esrag.ml.infer.Inferrer;
import esrag.ml.infer.Targets;
import esrag.ml.infer.TransportInferModel;
import esrag.ml.info.AbsentFeatures;
import esrag.ml.info.AbsentUsage;
import esrag.ml.info.InferenceUsage;
import esrag.ml.info.MachineLearningFeature;
import esrag.ml.info.MachineLearningUsage;
import esrag.ml.info.TransportMlInfo;
import esrag.ml.ingest.Batches;
import esrag.ml.ingest.CoordinatedTexts;
import esrag.ml.ingest.InferenceProcessorFactory;
import esrag.ml.ingest.PipelineStats;
import esrag.ml.licence.Licences;
import esrag.ml.licence.Tier;
import esrag.ml.model.TransportDeleteAlias;
import esrag.ml.model.TransportDeleteTrainedModel;
import esrag.ml.model.TransportGetTrainedModels;
import esrag.ml.model.TransportPutAlias;
import esrag.ml.model.TransportPutDefinitionPart;
import esrag.ml.model.TransportPutTrainedModel;
import esrag.ml.model.TransportPutVocabulary;
import esrag.ml.node.MlNodeClient;
import esrag.ml.rest.DeploymentRoutes;
import esrag.ml.rest.InferenceRoutes;
import esrag.ml.rest.InfoRoutes;
import esrag.ml.rest.TrainedModelRoutes;
import esrag.ml.retriever.RerankerRetriever;
import esrag.ml.service.DeployedModelService;
import esrag.ml.service.HuggingFaceService;
import esrag.ml.service.OpenAiService;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.indices.SystemIndexDescriptor;
import org.elasticsearch.ingest.Processor;
import org.elasticsearch.plugins.IngestPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.plugins.SearchPlugin;
import org.elasticsearch.plugins.SystemIndexPlugin;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xpack.core.action.XPackInfoFeatureAction;
import org.elasticsearch.xpack.core.action.XPackUsageFeatureAction;
import org.elasticsearch.xpack.core.inference.action.DeleteInferenceEndpointAction;
import org.elasticsearch.xpack.core.inference.action.EmbeddingAction;
import org.elasticsearch.xpack.core.inference.action.GetInferenceModelAction;
import org.elasticsearch.xpack.core.inference.action.GetInferenceServicesAction;
import org.elasticsearch.xpack.core.inference.action.InferenceAction;
import org.elasticsearch.xpack.core.inference.action.InferenceActionProxy;
import org.elasticsearch.xpack.core.inference.action.PutInferenceModelAction;
import org.elasticsearch.xpack.core.inference.action.RerankAction;
import org.elasticsearch.xpack.core.inference.action.UnifiedCompletionAction;
import org.elasticsearch.xpack.core.inference.action.UpdateInferenceModelAction;
import org.elasticsearch.xpack.core.ml.action.ClearDeploymentCacheAction;
import org.elasticsearch.xpack.core.ml.action.CoordinatedInferenceAction;
import org.elasticsearch.xpack.core.ml.action.DeleteTrainedModelAction;
import org.elasticsearch.xpack.core.ml.action.DeleteTrainedModelAliasAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsStatsAction;
import org.elasticsearch.xpack.core.ml.action.InferModelAction;
import org.elasticsearch.xpack.core.ml.action.MlInfoAction;
import org.elasticsearch.xpack.core.ml.action.MlMemoryAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelAliasAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelDefinitionPartAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelVocabularyAction;
import org.elasticsearch.xpack.core.ml.action.StartTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.action.StopTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.action.UpdateTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.inference.MlInferenceNamedXContentProvider;
import org.elasticsearch.xpack.core.ml.vectors.TextEmbeddingQueryVectorBuilder;

/**
 * Stands in for the machine learning and inference modules that the open distribution leaves out.
 *
 * <p>Requests, responses, their parsing, validation and privileges are x-pack-core's own classes.
 * The plugin adds the REST routes, the state and the calls to the ML node process.
 */
public final class MlPlugin extends Plugin
    implements SystemIndexPlugin, IngestPlugin, SearchPlugin {
  private final PipelineStats pipelineStats = new PipelineStats();
  private final Licences licences = new Licences();

  /** Set before the first pipeline is built: the server asks for processors before components. */
  private volatile InferenceProcessorFactory.Late late;

  @Override
  public List<Setting<?>> getSettings() {
    return List.of(MlSettings.NODE_URL);
  }

  @Override
  public Collection<?> createComponents(PluginServices services) {
    Tier.readFrom(services.clusterService().getClusterSettings());
    ThreadPool threadPool = services.threadPool();
    NamedXContentRegistry registry = services.xContentRegistry();
    AsyncHttp http = new AsyncHttp(threadPool.generic());
    MlNodeClient node =
        new MlNodeClient(http, MlSettings.NODE_URL.get(services.environment().settings()));
    Targets targets = new Targets(node, registry);
    Inferrer inferrer = new Inferrer(node, targets);
    EndpointStore endpoints = new EndpointStore(services.client(), services.clusterService());
    Providers providers =
        new Providers(
            List.of(
                new DeployedModelService(services.client(), node, inferrer),
                new HuggingFaceService(http, threadPool),
                new OpenAiService(http, threadPool)));
    Coordinator coordinator = new Coordinator(endpoints, providers, inferrer, licences);
    Batches batches =
        new Batches(
            targets,
            inferrer,
            coordinator,
            (millis, task) ->
                threadPool.schedule(task, TimeValue.timeValueMillis(millis), threadPool.generic()));
    late =
        new InferenceProcessorFactory.Late(
            new CoordinatedTexts(endpoints, providers, batches, targets), registry);
    return List.of(
        new MlServices(
            node,
            targets,
            inferrer,
            coordinator,
            endpoints,
            providers,
            batches,
            licences,
            pipelineStats,
            services.client(),
            services.clusterService(),
            threadPool,
            registry));
  }

  @Override
  public Collection<ActionHandler> getActions() {
    List<ActionHandler> handlers = new ArrayList<>(AbsentFeatures.handlers());
    handlers.add(
        new ActionHandler(XPackInfoFeatureAction.MACHINE_LEARNING, MachineLearningFeature.class));
    handlers.add(new ActionHandler(MlInfoAction.INSTANCE, TransportMlInfo.class));
    handlers.add(new ActionHandler(MlMemoryAction.INSTANCE, TransportMlMemory.class));
    handlers.addAll(AbsentUsage.handlers());
    handlers.add(
        new ActionHandler(XPackUsageFeatureAction.MACHINE_LEARNING, MachineLearningUsage.class));
    handlers.add(new ActionHandler(XPackUsageFeatureAction.INFERENCE, InferenceUsage.class));
    handlers.addAll(modelActions());
    handlers.addAll(endpointActions());
    return handlers;
  }

  private static List<ActionHandler> modelActions() {
    return List.of(
        new ActionHandler(PutTrainedModelAction.INSTANCE, TransportPutTrainedModel.class),
        new ActionHandler(
            PutTrainedModelDefinitionPartAction.INSTANCE, TransportPutDefinitionPart.class),
        new ActionHandler(PutTrainedModelVocabularyAction.INSTANCE, TransportPutVocabulary.class),
        new ActionHandler(GetTrainedModelsAction.INSTANCE, TransportGetTrainedModels.class),
        new ActionHandler(DeleteTrainedModelAction.INSTANCE, TransportDeleteTrainedModel.class),
        new ActionHandler(GetTrainedModelsStatsAction.INSTANCE, TransportModelsStats.class),
        new ActionHandler(
            StartTrainedModelDeploymentAction.INSTANCE, TransportStartDeployment.class),
        new ActionHandler(StopTrainedModelDeploymentAction.INSTANCE, TransportStopDeployment.class),
        new ActionHandler(
            UpdateTrainedModelDeploymentAction.INSTANCE, TransportUpdateDeployment.class),
        new ActionHandler(ClearDeploymentCacheAction.INSTANCE, TransportClearCache.class),
        new ActionHandler(PutTrainedModelAliasAction.INSTANCE, TransportPutAlias.class),
        new ActionHandler(DeleteTrainedModelAliasAction.INSTANCE, TransportDeleteAlias.class),
        new ActionHandler(InferModelAction.INSTANCE, TransportInferModel.class),
        new ActionHandler(InferModelAction.EXTERNAL_INSTANCE, TransportInferModel.External.class),
        new ActionHandler(
            CoordinatedInferenceAction.INSTANCE, TransportCoordinatedInference.class));
  }

  private static List<ActionHandler> endpointActions() {
    return List.of(
        new ActionHandler(PutInferenceModelAction.INSTANCE, TransportPutEndpoint.class),
        new ActionHandler(UpdateInferenceModelAction.INSTANCE, TransportUpdateEndpoint.class),
        new ActionHandler(GetInferenceModelAction.INSTANCE, TransportGetEndpoints.class),
        new ActionHandler(DeleteInferenceEndpointAction.INSTANCE, TransportDeleteEndpoint.class),
        new ActionHandler(InferenceActionProxy.INSTANCE, TransportInferenceProxy.class),
        new ActionHandler(InferenceAction.INSTANCE, TransportInference.class),
        new ActionHandler(RerankAction.INSTANCE, TransportRerank.class),
        new ActionHandler(EmbeddingAction.INSTANCE, TransportEmbedding.class),
        new ActionHandler(UnifiedCompletionAction.INSTANCE, TransportUnifiedCompletion.class),
        new ActionHandler(GetInferenceServicesAction.INSTANCE, TransportGetServices.class));
  }

  @Override
  public Collection<RestHandler> getRestHandlers(
      RestHandlersServices services,
      Supplier<DiscoveryNodes> nodesInCluster,
      Predicate<NodeFeature> clusterSupportsFeature) {
    List<RestHandler> handlers = new ArrayList<>();
    handlers.addAll(TrainedModelRoutes.all());
    handlers.addAll(DeploymentRoutes.all());
    handlers.addAll(InferenceRoutes.all());
    handlers.addAll(InfoRoutes.all());
    return handlers;
  }

  @Override
  public Map<String, Processor.Factory> getProcessors(Processor.Parameters parameters) {
    pipelineStats.use(parameters.ingestService);
    return Map.of(
        InferenceProcessorFactory.TYPE,
        new InferenceProcessorFactory(() -> late, licences, parameters.threadContext));
  }

  @Override
  public List<QueryVectorBuilderSpec<?>> getQueryVectorBuilders() {
    return List.of(
        new QueryVectorBuilderSpec<>(
            TextEmbeddingQueryVectorBuilder.NAME,
            TextEmbeddingQueryVectorBuilder::new,
            (parser, context) -> TextEmbeddingQueryVectorBuilder.PARSER.apply(parser, context)));
  }

  @Override
  public List<RetrieverSpec<?>> getRetrievers() {
    return List.of(new RetrieverSpec<>(RerankerRetriever.NAME, RerankerRetriever::fromXContent));
  }

  @Override
  public List<NamedXContentRegistry.Entry> getNamedXContent() {
    return new MlInferenceNamedXContentProvider().getNamedXContentParsers();
  }

  @Override
  public List<NamedWriteableRegistry.Entry> getNamedWriteables() {
    List<NamedWriteableRegistry.Entry> entries =
        new ArrayList<>(new MlInferenceNamedXContentProvider().getNamedWriteables());
    entries.addAll(RerankerRetriever.writeables());
    return entries;
  }

  @Override
  public Collection<SystemIndexDescriptor> getSystemIndexDescriptors(Settings settings) {
    return List.of(EndpointIndex.descriptor());
  }

  @Override
  public String getFeatureName() {
    return "inference_plugin";
  }

  @Override
  public String getFeatureDescription() {
    return "Inference endpoints of the local stack";
  }
}

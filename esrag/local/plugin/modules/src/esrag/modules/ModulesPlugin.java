package esrag.modules;

import esrag.modules.analysis.Analyzers;
import esrag.modules.analysis.CharFilters;
import esrag.modules.analysis.TokenFilters;
import esrag.modules.analysis.Tokenizers;
import esrag.modules.datastream.CreateDataStreams;
import esrag.modules.datastream.DeleteDataStreams;
import esrag.modules.datastream.GetDataStreams;
import esrag.modules.datastream.RestDataStreamAction;
import esrag.modules.ingest.GrokPatterns;
import esrag.modules.ingest.Processors;
import esrag.modules.ingest.RestGrokPatternsAction;
import esrag.modules.licence.ShownLicence;
import esrag.modules.licence.Tier;
import esrag.modules.mustache.MustacheScriptEngine;
import esrag.modules.reindex.DeleteByQuery;
import esrag.modules.reindex.Reindex;
import esrag.modules.reindex.RestDeleteByQueryAction;
import esrag.modules.reindex.RestReindexAction;
import esrag.modules.reindex.RestRethrottleAction;
import esrag.modules.reindex.RestUpdateByQueryAction;
import esrag.modules.reindex.Rethrottle;
import esrag.modules.reindex.UpdateByQuery;
import esrag.modules.retriever.LinearRankDoc;
import esrag.modules.retriever.LinearRetriever;
import esrag.modules.retriever.RrfRankDoc;
import esrag.modules.retriever.RrfRetriever;
import esrag.modules.root.MainAction;
import esrag.modules.root.RestMainAction;
import esrag.modules.template.MultiSearchTemplateAction;
import esrag.modules.template.RestMultiSearchTemplateAction;
import esrag.modules.template.RestRenderTemplateAction;
import esrag.modules.template.RestSearchTemplateAction;
import esrag.modules.template.SearchTemplateAction;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.apache.lucene.analysis.Analyzer;
import org.elasticsearch.action.datastreams.CreateDataStreamAction;
import org.elasticsearch.action.datastreams.DeleteDataStreamAction;
import org.elasticsearch.action.datastreams.GetDataStreamAction;
import org.elasticsearch.action.support.MappedActionFilter;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.analysis.AnalyzerProvider;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.PreBuiltAnalyzerProviderFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.index.reindex.DeleteByQueryAction;
import org.elasticsearch.index.reindex.ReindexAction;
import org.elasticsearch.index.reindex.UpdateByQueryAction;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.ingest.Processor;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.IngestPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.plugins.ScriptPlugin;
import org.elasticsearch.plugins.SearchPlugin;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.script.ScriptContext;
import org.elasticsearch.script.ScriptEngine;
import org.elasticsearch.search.rank.RankDoc;

/**
 * Supplies, inside the real services of Elasticsearch, the modules that the build on Maven Central
 * leaves out: analysis-common, data-streams (three actions), ingest-common, lang-mustache,
 * rank-rrf, reindex and rest-root.
 *
 * <p>It is a list of what the packages below offer and holds no logic. Names, defaults, privileges
 * and error texts are those of the real modules; the code is our own, written against the public
 * reference and the server's class signatures.
 */
public final class ModulesPlugin extends Plugin
    implements ActionPlugin, AnalysisPlugin, IngestPlugin, ScriptPlugin, SearchPlugin {

  @Override
  public List<Setting<?>> getSettings() {
    return List.of(MustacheScriptEngine.MAX_OUTPUT, Tier.SETTING);
  }

  @Override
  public Collection<?> createComponents(PluginServices services) {
    Tier.readFrom(services.clusterService().getClusterSettings());
    return List.of();
  }

  @Override
  public Collection<MappedActionFilter> getMappedActionFilters() {
    return List.of(new ShownLicence());
  }

  @Override
  public Map<String, AnalysisProvider<CharFilterFactory>> getCharFilters() {
    return CharFilters.all();
  }

  @Override
  public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
    return Tokenizers.all();
  }

  @Override
  public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
    return TokenFilters.all();
  }

  @Override
  public Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> getAnalyzers() {
    return Analyzers.configurable();
  }

  @Override
  public List<PreBuiltAnalyzerProviderFactory> getPreBuiltAnalyzerProviderFactories() {
    return Analyzers.readyMade();
  }

  @Override
  public Map<String, Processor.Factory> getProcessors(Processor.Parameters parameters) {
    return Processors.all(parameters);
  }

  @Override
  public ScriptEngine getScriptEngine(Settings settings, Collection<ScriptContext<?>> contexts) {
    return new MustacheScriptEngine(settings);
  }

  @Override
  public List<RetrieverSpec<?>> getRetrievers() {
    return List.of(
        new RetrieverSpec<>(RrfRetriever.NAME, RrfRetriever::fromXContent),
        new RetrieverSpec<>(LinearRetriever.NAME, LinearRetriever::fromXContent));
  }

  @Override
  public List<NamedWriteableRegistry.Entry> getNamedWriteables() {
    return List.of(
        new NamedWriteableRegistry.Entry(RankDoc.class, RrfRankDoc.NAME, RrfRankDoc::new),
        new NamedWriteableRegistry.Entry(RankDoc.class, LinearRankDoc.NAME, LinearRankDoc::new));
  }

  @Override
  public Collection<ActionHandler> getActions() {
    return List.of(
        new ActionHandler(MainAction.TYPE, MainAction.class),
        new ActionHandler(CreateDataStreamAction.INSTANCE, CreateDataStreams.class),
        new ActionHandler(GetDataStreamAction.INSTANCE, GetDataStreams.class),
        new ActionHandler(DeleteDataStreamAction.INSTANCE, DeleteDataStreams.class),
        new ActionHandler(GrokPatterns.TYPE, GrokPatterns.class),
        new ActionHandler(SearchTemplateAction.TYPE, SearchTemplateAction.class),
        new ActionHandler(MultiSearchTemplateAction.TYPE, MultiSearchTemplateAction.class),
        new ActionHandler(DeleteByQueryAction.INSTANCE, DeleteByQuery.class),
        new ActionHandler(UpdateByQueryAction.INSTANCE, UpdateByQuery.class),
        new ActionHandler(ReindexAction.INSTANCE, Reindex.class),
        new ActionHandler(Rethrottle.TYPE, Rethrottle.class));
  }

  @Override
  public Collection<RestHandler> getRestHandlers(
      RestHandlersServices services,
      Supplier<DiscoveryNodes> nodes,
      Predicate<NodeFeature> features) {
    return List.of(
        new RestMainAction(),
        new RestDataStreamAction(),
        new RestGrokPatternsAction(),
        new RestSearchTemplateAction(features),
        new RestMultiSearchTemplateAction(services.settings()),
        new RestRenderTemplateAction(),
        new RestDeleteByQueryAction(features),
        new RestUpdateByQueryAction(features),
        new RestReindexAction(features),
        new RestRethrottleAction(nodes));
  }
}

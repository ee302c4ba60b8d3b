package esrag.modules.analysis;

import java.util.Map;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;

/** All token filters of the plugin, standing for those of the analysis-common module. */
public final class TokenFilters {
  private TokenFilters() {}

  /** Providers by filter name, as the analysis service takes them. */
  public static Map<String, AnalysisProvider<TokenFilterFactory>> all() {
    TokenFilterRegistry registry = new TokenFilterRegistry();
    CharacterFilters.register(registry);
    StemmingFilters.register(registry);
    GramFilters.register(registry);
    WordListFilters.register(registry);
    PatternFilters.register(registry);
    TokenShapeFilters.register(registry);
    registry.factory("multiplexer", MultiplexerFilterFactory::of);
    registry.factory("synonym", SynonymTokenFilterFactory::flat);
    registry.factory("synonym_graph", SynonymTokenFilterFactory::graph);
    return registry.providers();
  }
}

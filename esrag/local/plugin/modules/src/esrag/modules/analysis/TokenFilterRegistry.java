package esrag.modules.analysis;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.TokenStream;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.NormalizingTokenFilterFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;

/**
 * Collects token filters by name. Which method registers a filter says how the server may use it:
 * bare or only with settings, in normalizers, in front of synonyms.
 */
final class TokenFilterRegistry {

  /** Reads a filter's settings once and answers what wraps each token stream. */
  interface Maker extends Function<AnalysisSettings, UnaryOperator<TokenStream>> {}

  private interface FactoryMaker {
    TokenFilterFactory make(String name, UnaryOperator<TokenStream> wrapper);
  }

  private final Map<String, AnalysisProvider<TokenFilterFactory>> providers = new TreeMap<>();

  Map<String, AnalysisProvider<TokenFilterFactory>> providers() {
    return Map.copyOf(providers);
  }

  /** A filter that works without settings. */
  void plain(String name, Maker maker) {
    providers.put(name, provider(maker, Plain::new));
  }

  /** A filter that has to be defined in the index's settings before use. */
  void configured(String name, Maker maker) {
    factory(name, provider(maker, Plain::new));
  }

  /** A filter that maps characters, so that normalizers may use it too. */
  void normalizing(String name, Maker maker) {
    providers.put(name, provider(maker, Normalizing::new));
  }

  /** A normalizing filter that has to be defined in the index's settings before use. */
  void configuredNormalizing(String name, Maker maker) {
    factory(name, provider(maker, Normalizing::new));
  }

  /** A filter that may put several tokens for one, and so cannot stand in front of synonyms. */
  void multiplying(String name, Maker maker) {
    providers.put(name, provider(maker, Multiplying::new));
  }

  /** A multiplying filter that has to be defined in the index's settings before use. */
  void configuredMultiplying(String name, Maker maker) {
    factory(name, provider(maker, Multiplying::new));
  }

  /** A filter that brings its own factory and has to be defined in the index's settings. */
  void factory(String name, AnalysisProvider<TokenFilterFactory> provider) {
    providers.put(name, AnalysisPlugin.requiresAnalysisSettings(provider));
  }

  private static AnalysisProvider<TokenFilterFactory> provider(Maker maker, FactoryMaker factory) {
    return (index, environment, name, settings) ->
        factory.make(name, maker.apply(new AnalysisSettings(index, environment, name, settings)));
  }

  private static class Plain extends AbstractTokenFilterFactory {
    private final UnaryOperator<TokenStream> wrapper;

    Plain(String name, UnaryOperator<TokenStream> wrapper) {
      super(name);
      this.wrapper = wrapper;
    }

    @Override
    public TokenStream create(TokenStream stream) {
      return wrapper.apply(stream);
    }
  }

  private static final class Normalizing extends Plain implements NormalizingTokenFilterFactory {
    Normalizing(String name, UnaryOperator<TokenStream> wrapper) {
      super(name, wrapper);
    }
  }

  private static final class Multiplying extends Plain {
    Multiplying(String name, UnaryOperator<TokenStream> wrapper) {
      super(name, wrapper);
    }

    @Override
    public TokenFilterFactory getSynonymFilter() {
      throw new IllegalArgumentException(
          "Token filter [" + name() + "] cannot be used to parse synonyms");
    }
  }
}

package esrag.modules.analysis;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.elasticsearch.common.Strings;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.IndexService.IndexCreationContext;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;

/**
 * The {@code multiplexer} filter: sends each token through several filters, or chains of them, and
 * puts all that comes out in its place. The filters are found by name among those of the index, so
 * a usable filter exists only once its place in an analyzer is known.
 */
final class MultiplexerFilterFactory extends AbstractTokenFilterFactory {
  private final List<String> branches;
  private final boolean preserveOriginal;

  private MultiplexerFilterFactory(AnalysisSettings settings) {
    super(settings.component());
    this.branches = settings.list("filters");
    this.preserveOriginal = settings.flag("preserve_original", true);
  }

  static TokenFilterFactory of(
      IndexSettings index, Environment environment, String name, Settings settings) {
    return new MultiplexerFilterFactory(new AnalysisSettings(index, environment, name, settings));
  }

  @Override
  public TokenStream create(TokenStream stream) {
    throw new UnsupportedOperationException(
        "TokenFilterFactory.getChainAwareTokenFilterFactory() must be called first");
  }

  @Override
  public TokenFilterFactory getSynonymFilter() {
    throw notInFrontOfSynonyms(name());
  }

  private static IllegalArgumentException notInFrontOfSynonyms(String name) {
    return new IllegalArgumentException(
        "Token filter ["
            + name
            + "] cannot be used to parse synonyms except as part of an explicit synonym filter "
            + "parameter");
  }

  @Override
  public TokenFilterFactory getChainAwareTokenFilterFactory(
      IndexCreationContext context,
      TokenizerFactory tokenizer,
      List<CharFilterFactory> charFilters,
      List<TokenFilterFactory> previous,
      Function<String, TokenFilterFactory> allFilters) {
    List<Function<TokenStream, TokenStream>> placed = new ArrayList<>();
    if (preserveOriginal) {
      placed.add(Function.identity());
    }
    for (String branch : branches) {
      List<TokenFilterFactory> before = new ArrayList<>(previous);
      Function<TokenStream, TokenStream> chain = Function.identity();
      for (String name : Strings.tokenizeToStringArray(branch, ",")) {
        TokenFilterFactory filter =
            named(name, allFilters)
                .getChainAwareTokenFilterFactory(
                    context, tokenizer, charFilters, before, allFilters);
        before.add(filter);
        chain = chain.andThen(filter::create);
      }
      placed.add(chain);
    }
    return new Placed(name(), placed);
  }

  private TokenFilterFactory named(String name, Function<String, TokenFilterFactory> allFilters) {
    TokenFilterFactory filter = allFilters.apply(name);
    if (filter == null) {
      throw new IllegalArgumentException(
          "Multiplexing filter [" + name() + "] refers to undefined tokenfilter [" + name + "]");
    }
    return filter;
  }

  private record Placed(String name, List<Function<TokenStream, TokenStream>> branches)
      implements TokenFilterFactory {
    @Override
    public TokenStream create(TokenStream stream) {
      return new RemoveDuplicatesTokenFilter(new MultiplexerTokenFilter(stream, branches));
    }

    @Override
    public TokenFilterFactory getSynonymFilter() {
      throw notInFrontOfSynonyms(name);
    }
  }
}

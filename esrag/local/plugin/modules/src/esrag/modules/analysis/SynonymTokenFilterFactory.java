package esrag.modules.analysis;

import java.io.IOException;
import java.io.Reader;
import java.io.StringReader;
import java.text.ParseException;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.synonym.SolrSynonymParser;
import org.apache.lucene.analysis.synonym.SynonymFilter;
import org.apache.lucene.analysis.synonym.SynonymGraphFilter;
import org.apache.lucene.analysis.synonym.SynonymMap;
import org.apache.lucene.analysis.synonym.WordnetSynonymParser;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.IndexService.IndexCreationContext;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.AnalysisMode;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;

/**
 * The {@code synonym} and {@code synonym_graph} filters.
 *
 * <p>Rules are analysed with the tokenizer, char filters and filters that stand in front of this
 * filter, so a usable filter exists only once its place in an analyzer is known. Rules come from
 * the settings or a file; synonym sets of the {@code _synonyms} API are not available here.
 */
final class SynonymTokenFilterFactory extends AbstractTokenFilterFactory {
  private final AnalysisSettings settings;
  private final boolean graph;
  private final boolean lenient;
  private final AnalysisMode mode;

  private SynonymTokenFilterFactory(AnalysisSettings settings, boolean graph) {
    super(settings.component());
    this.settings = settings;
    this.graph = graph;
    boolean updateable = settings.flag("updateable", false);
    this.lenient = settings.flag("lenient", updateable);
    this.mode = updateable ? AnalysisMode.SEARCH_TIME : AnalysisMode.ALL;
  }

  static TokenFilterFactory flat(
      IndexSettings index, Environment environment, String name, Settings settings) {
    return new SynonymTokenFilterFactory(
        new AnalysisSettings(index, environment, name, settings), false);
  }

  static TokenFilterFactory graph(
      IndexSettings index, Environment environment, String name, Settings settings) {
    return new SynonymTokenFilterFactory(
        new AnalysisSettings(index, environment, name, settings), true);
  }

  @Override
  public TokenStream create(TokenStream stream) {
    throw new IllegalStateException(
        "Call createPerAnalyzerSynonymFactory to specialize this factory for an analysis chain "
            + "first");
  }

  @Override
  public AnalysisMode getAnalysisMode() {
    return mode;
  }

  @Override
  public TokenFilterFactory getChainAwareTokenFilterFactory(
      IndexCreationContext context,
      TokenizerFactory tokenizer,
      List<CharFilterFactory> charFilters,
      List<TokenFilterFactory> previous,
      Function<String, TokenFilterFactory> allFilters) {
    SynonymMap map = build(new RuleAnalyzer(tokenizer, charFilters, previous));
    return new Placed(name(), map, graph, mode, resources());
  }

  private Set<String> resources() {
    String path = settings.text("synonyms_path", null);
    return path == null ? Set.of() : Set.of(path);
  }

  private SynonymMap build(Analyzer analyzer) {
    try (analyzer) {
      return parse(analyzer);
    } catch (IOException | ParseException e) {
      throw new IllegalArgumentException("failed to build synonyms", e);
    }
  }

  private SynonymMap parse(Analyzer analyzer) throws IOException, ParseException {
    String rules = rules();
    boolean expand = settings.flag("expand", true);
    if ("wordnet".equalsIgnoreCase(settings.text("format", ""))) {
      WordnetSynonymParser parser = new WordnetSynonymParser(true, expand, analyzer);
      parser.parse(new StringReader(rules));
      return parser.build();
    }
    if (!lenient) {
      SolrSynonymParser parser = new SolrSynonymParser(true, expand, analyzer);
      parser.parse(new StringReader(rules));
      return parser.build();
    }
    return new LenientSynonymRules(expand, analyzer).parse(rules);
  }

  private String rules() {
    List<String> lines = settings.lines("synonyms");
    if (lines == null) {
      throw new IllegalArgumentException(
          "synonym requires either `synonyms`, `synonyms_set` or `synonyms_path` to be configured");
    }
    return String.join("\n", lines);
  }

  /** The part of the analyzer that comes before the synonyms. */
  private static final class RuleAnalyzer extends Analyzer {
    private final TokenizerFactory tokenizer;
    private final List<CharFilterFactory> charFilters;
    private final List<TokenFilterFactory> filters;

    RuleAnalyzer(
        TokenizerFactory tokenizer,
        List<CharFilterFactory> charFilters,
        List<TokenFilterFactory> previous) {
      this.tokenizer = tokenizer;
      this.charFilters = charFilters;
      this.filters = previous.stream().map(TokenFilterFactory::getSynonymFilter).toList();
    }

    @Override
    protected Reader initReader(String field, Reader reader) {
      Reader filtered = reader;
      for (CharFilterFactory charFilter : charFilters) {
        filtered = charFilter.create(filtered);
      }
      return filtered;
    }

    @Override
    protected TokenStreamComponents createComponents(String field) {
      var source = tokenizer.create();
      TokenStream stream = source;
      for (TokenFilterFactory filter : filters) {
        stream = filter.create(stream);
      }
      return new TokenStreamComponents(source, stream);
    }
  }

  /** The filter at its place in one analyzer. */
  private static final class Placed extends AbstractTokenFilterFactory {
    private final SynonymMap map;
    private final boolean graph;
    private final AnalysisMode mode;
    private final Set<String> resources;

    Placed(String name, SynonymMap map, boolean graph, AnalysisMode mode, Set<String> resources) {
      super(name);
      this.map = map;
      this.graph = graph;
      this.mode = mode;
      this.resources = resources;
    }

    @Override
    @SuppressWarnings("deprecation") // the `synonym` filter is Lucene's flat one by definition
    public TokenStream create(TokenStream stream) {
      if (map.fst == null) {
        return stream;
      }
      return graph
          ? new SynonymGraphFilter(stream, map, false)
          : new SynonymFilter(stream, map, false);
    }

    /** Rules of a later synonym filter are not expanded by an earlier one. */
    @Override
    public TokenFilterFactory getSynonymFilter() {
      return IDENTITY_FILTER;
    }

    @Override
    public AnalysisMode getAnalysisMode() {
      return mode;
    }

    @Override
    public Set<String> getResourceNames() {
      return resources;
    }
  }
}

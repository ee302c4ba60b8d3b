package esrag.modules.analysis;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.classic.ClassicTokenizer;
import org.apache.lucene.analysis.core.KeywordTokenizer;
import org.apache.lucene.analysis.core.LetterTokenizer;
import org.apache.lucene.analysis.core.WhitespaceTokenizer;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.path.PathHierarchyTokenizer;
import org.apache.lucene.analysis.path.ReversePathHierarchyTokenizer;
import org.apache.lucene.analysis.pattern.PatternTokenizer;
import org.apache.lucene.analysis.pattern.SimplePatternSplitTokenizer;
import org.apache.lucene.analysis.pattern.SimplePatternTokenizer;
import org.apache.lucene.analysis.standard.StandardAnalyzer;
import org.apache.lucene.analysis.th.ThaiTokenizer;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;

/**
 * All tokenizers of the plugin, standing for those of the analysis-common module. The security
 * index needs {@code uax_url_email}.
 */
public final class Tokenizers {
  /** Reads the settings once and answers what makes each tokenizer. */
  interface Maker extends Function<AnalysisSettings, Supplier<Tokenizer>> {}

  private final Map<String, AnalysisProvider<TokenizerFactory>> providers = new TreeMap<>();

  private Tokenizers() {}

  /** Providers by tokenizer name, as the analysis service takes them. */
  public static Map<String, AnalysisProvider<TokenizerFactory>> all() {
    Tokenizers tokenizers = new Tokenizers();
    tokenizers.register();
    return Map.copyOf(tokenizers.providers);
  }

  private void register() {
    put("uax_url_email", Tokenizers::uaxUrlEmail);
    put("classic", Tokenizers::classic);
    put("whitespace", Tokenizers::whitespace);
    put("keyword", s -> () -> new KeywordTokenizer(s.integer("buffer_size", 256)));
    put("letter", s -> LetterTokenizer::new);
    put("lowercase", s -> LowercaseLetterTokenizer::new);
    put("thai", s -> ThaiTokenizer::new);
    put("pattern", Tokenizers::pattern);
    put("simple_pattern", s -> () -> new SimplePatternTokenizer(s.text("pattern", "")));
    put("simple_pattern_split", s -> () -> new SimplePatternSplitTokenizer(s.text("pattern", "")));
    put("ngram", GramTokenizers::ngram);
    put("edge_ngram", GramTokenizers::edgeNgram);
    put("char_group", CharGroupTokenizer::maker);
    put("path_hierarchy", Tokenizers::pathHierarchy);
  }

  private void put(String name, Maker maker) {
    providers.put(
        name,
        (index, environment, component, settings) ->
            TokenizerFactory.newFactory(
                component,
                maker.apply(new AnalysisSettings(index, environment, component, settings))));
  }

  private static int maxTokenLength(AnalysisSettings settings) {
    return settings.integer("max_token_length", StandardAnalyzer.DEFAULT_MAX_TOKEN_LENGTH);
  }

  private static Supplier<Tokenizer> uaxUrlEmail(AnalysisSettings settings) {
    int longest = maxTokenLength(settings);
    return () -> {
      UAX29URLEmailTokenizer tokenizer = new UAX29URLEmailTokenizer();
      tokenizer.setMaxTokenLength(longest);
      return tokenizer;
    };
  }

  private static Supplier<Tokenizer> classic(AnalysisSettings settings) {
    int longest = maxTokenLength(settings);
    return () -> {
      ClassicTokenizer tokenizer = new ClassicTokenizer();
      tokenizer.setMaxTokenLength(longest);
      return tokenizer;
    };
  }

  private static Supplier<Tokenizer> whitespace(AnalysisSettings settings) {
    int longest = maxTokenLength(settings);
    return () -> new WhitespaceTokenizer(TokenStream.DEFAULT_TOKEN_ATTRIBUTE_FACTORY, longest);
  }

  private static Supplier<Tokenizer> pattern(AnalysisSettings settings) {
    Pattern pattern = Regex.compile(settings.text("pattern", "\\W+"), settings.text("flags", null));
    int group = settings.integer("group", -1);
    return () -> new PatternTokenizer(pattern, group);
  }

  private static Supplier<Tokenizer> pathHierarchy(AnalysisSettings settings) {
    int buffer = settings.integer("buffer_size", 1024);
    char delimiter = settings.character("delimiter", '/');
    char replacement = settings.character("replacement", delimiter);
    int skip = settings.integer("skip", 0);
    if (settings.flag("reverse", false)) {
      return () -> new ReversePathHierarchyTokenizer(buffer, delimiter, replacement, skip);
    }
    return () -> new PathHierarchyTokenizer(buffer, delimiter, replacement, skip);
  }
}

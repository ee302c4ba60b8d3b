package esrag.modules.analysis;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.classic.ClassicAnalyzer;
import org.apache.lucene.analysis.core.KeywordAnalyzer;
import org.apache.lucene.analysis.core.SimpleAnalyzer;
import org.apache.lucene.analysis.core.StopAnalyzer;
import org.apache.lucene.analysis.core.WhitespaceAnalyzer;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.AnalyzerProvider;
import org.elasticsearch.index.analysis.PreBuiltAnalyzerProviderFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.indices.analysis.PreBuiltCacheFactory.CachingStrategy;

/**
 * All analyzers of the plugin, standing for those of the analysis-common module: the languages and
 * the general ones. The core itself has {@code standard} and ready-made simple ones without
 * settings.
 */
public final class Analyzers {
  private static final CharArraySet ENGLISH = EnglishAnalyzer.getDefaultStopSet();

  private Analyzers() {}

  /** Providers by analyzer type, for analyzers that an index's settings define. */
  public static Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> configurable() {
    Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> all =
        new TreeMap<>(new LanguageAnalyzers().configurable());
    all.put("simple", provider(s -> new SimpleAnalyzer()));
    all.put("keyword", provider(s -> new KeywordAnalyzer()));
    all.put("whitespace", provider(s -> new WhitespaceAnalyzer()));
    all.put("stop", provider(s -> new StopAnalyzer(stopwords(s, ENGLISH))));
    all.put("classic", provider(s -> new ClassicAnalyzer(stopwords(s, ENGLISH))));
    all.put("pattern", provider(Analyzers::pattern));
    all.put("fingerprint", provider(Analyzers::fingerprint));
    all.put("snowball", provider(Analyzers::snowball));
    return Map.copyOf(all);
  }

  /** Analyzers that work under their own name without settings. */
  public static List<PreBuiltAnalyzerProviderFactory> readyMade() {
    List<PreBuiltAnalyzerProviderFactory> all =
        new ArrayList<>(new LanguageAnalyzers().readyMade());
    all.add(
        new PreBuiltAnalyzerProviderFactory(
            "pattern",
            CachingStrategy.LUCENE,
            () ->
                ComposedAnalyzers.pattern(Pattern.compile("\\W+"), true, CharArraySet.EMPTY_SET)));
    all.add(
        new PreBuiltAnalyzerProviderFactory(
            "fingerprint",
            CachingStrategy.LUCENE,
            () -> ComposedAnalyzers.fingerprint(CharArraySet.EMPTY_SET, ' ', 255)));
    all.add(
        new PreBuiltAnalyzerProviderFactory(
            "snowball",
            CachingStrategy.LUCENE,
            () -> ComposedAnalyzers.snowball("English", ENGLISH)));
    return List.copyOf(all);
  }

  private static AnalysisProvider<AnalyzerProvider<? extends Analyzer>> provider(
      Function<AnalysisSettings, Analyzer> maker) {
    return (index, environment, name, settings) ->
        new FixedAnalyzerProvider(
            name, maker.apply(new AnalysisSettings(index, environment, name, settings)));
  }

  private static CharArraySet stopwords(AnalysisSettings settings, CharArraySet fallback) {
    return Analysis.parseStopWords(settings.environment(), settings.values(), fallback);
  }

  private static Analyzer pattern(AnalysisSettings settings) {
    Pattern pattern = Regex.compile(settings.text("pattern", "\\W+"), settings.text("flags", null));
    return ComposedAnalyzers.pattern(
        pattern, settings.flag("lowercase", true), stopwords(settings, CharArraySet.EMPTY_SET));
  }

  private static Analyzer fingerprint(AnalysisSettings settings) {
    return ComposedAnalyzers.fingerprint(
        stopwords(settings, CharArraySet.EMPTY_SET),
        settings.character("separator", ' '),
        settings.integer("max_output_size", 255));
  }

  private static Analyzer snowball(AnalysisSettings settings) {
    String language = settings.text("language", settings.text("name", "English"));
    CharArraySet fallback = language.equals("English") ? ENGLISH : CharArraySet.EMPTY_SET;
    return ComposedAnalyzers.snowball(language, stopwords(settings, fallback));
  }
}

package esrag.modules.analysis;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.ar.ArabicAnalyzer;
import org.apache.lucene.analysis.bg.BulgarianAnalyzer;
import org.apache.lucene.analysis.bn.BengaliAnalyzer;
import org.apache.lucene.analysis.br.BrazilianAnalyzer;
import org.apache.lucene.analysis.ca.CatalanAnalyzer;
import org.apache.lucene.analysis.cjk.CJKAnalyzer;
import org.apache.lucene.analysis.ckb.SoraniAnalyzer;
import org.apache.lucene.analysis.cz.CzechAnalyzer;
import org.apache.lucene.analysis.da.DanishAnalyzer;
import org.apache.lucene.analysis.de.GermanAnalyzer;
import org.apache.lucene.analysis.el.GreekAnalyzer;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.es.SpanishAnalyzer;
import org.apache.lucene.analysis.et.EstonianAnalyzer;
import org.apache.lucene.analysis.eu.BasqueAnalyzer;
import org.apache.lucene.analysis.fa.PersianAnalyzer;
import org.apache.lucene.analysis.fi.FinnishAnalyzer;
import org.apache.lucene.analysis.fr.FrenchAnalyzer;
import org.apache.lucene.analysis.ga.IrishAnalyzer;
import org.apache.lucene.analysis.gl.GalicianAnalyzer;
import org.apache.lucene.analysis.hi.HindiAnalyzer;
import org.apache.lucene.analysis.hu.HungarianAnalyzer;
import org.apache.lucene.analysis.hy.ArmenianAnalyzer;
import org.apache.lucene.analysis.id.IndonesianAnalyzer;
import org.apache.lucene.analysis.it.ItalianAnalyzer;
import org.apache.lucene.analysis.lt.LithuanianAnalyzer;
import org.apache.lucene.analysis.lv.LatvianAnalyzer;
import org.apache.lucene.analysis.nl.DutchAnalyzer;
import org.apache.lucene.analysis.no.NorwegianAnalyzer;
import org.apache.lucene.analysis.pt.PortugueseAnalyzer;
import org.apache.lucene.analysis.ro.RomanianAnalyzer;
import org.apache.lucene.analysis.ru.RussianAnalyzer;
import org.apache.lucene.analysis.sr.SerbianAnalyzer;
import org.apache.lucene.analysis.standard.StandardAnalyzer;
import org.apache.lucene.analysis.sv.SwedishAnalyzer;
import org.apache.lucene.analysis.th.ThaiAnalyzer;
import org.apache.lucene.analysis.tr.TurkishAnalyzer;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.AnalyzerProvider;
import org.elasticsearch.index.analysis.PreBuiltAnalyzerProviderFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.indices.analysis.PreBuiltCacheFactory.CachingStrategy;

/**
 * The language analyzers of the analysis-common module: Lucene's own, with {@code stopwords} and,
 * where the language has a stemmer, {@code stem_exclusion}.
 *
 * <p>Each is registered twice: as a type that settings may configure, and ready made under its
 * name.
 */
final class LanguageAnalyzers {
  private final Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> configurable =
      new TreeMap<>();
  private final List<PreBuiltAnalyzerProviderFactory> readyMade = new ArrayList<>();

  LanguageAnalyzers() {
    registerStemming();
    registerStopwordsOnly();
  }

  Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> configurable() {
    return configurable;
  }

  List<PreBuiltAnalyzerProviderFactory> readyMade() {
    return readyMade;
  }

  private void registerStemming() {
    both("arabic", ArabicAnalyzer.getDefaultStopSet(), ArabicAnalyzer::new);
    both("armenian", ArmenianAnalyzer.getDefaultStopSet(), ArmenianAnalyzer::new);
    both("basque", BasqueAnalyzer.getDefaultStopSet(), BasqueAnalyzer::new);
    both("bengali", BengaliAnalyzer.getDefaultStopSet(), BengaliAnalyzer::new);
    both("brazilian", BrazilianAnalyzer.getDefaultStopSet(), BrazilianAnalyzer::new);
    both("bulgarian", BulgarianAnalyzer.getDefaultStopSet(), BulgarianAnalyzer::new);
    both("catalan", CatalanAnalyzer.getDefaultStopSet(), CatalanAnalyzer::new);
    both("czech", CzechAnalyzer.getDefaultStopSet(), CzechAnalyzer::new);
    both("danish", DanishAnalyzer.getDefaultStopSet(), DanishAnalyzer::new);
    both("dutch", DutchAnalyzer.getDefaultStopSet(), DutchAnalyzer::new);
    both("english", EnglishAnalyzer.getDefaultStopSet(), EnglishAnalyzer::new);
    both("estonian", EstonianAnalyzer.getDefaultStopSet(), EstonianAnalyzer::new);
    both("finnish", FinnishAnalyzer.getDefaultStopSet(), FinnishAnalyzer::new);
    both("french", FrenchAnalyzer.getDefaultStopSet(), FrenchAnalyzer::new);
    both("galician", GalicianAnalyzer.getDefaultStopSet(), GalicianAnalyzer::new);
    both("german", GermanAnalyzer.getDefaultStopSet(), GermanAnalyzer::new);
    both("hindi", HindiAnalyzer.getDefaultStopSet(), HindiAnalyzer::new);
    both("hungarian", HungarianAnalyzer.getDefaultStopSet(), HungarianAnalyzer::new);
    both("indonesian", IndonesianAnalyzer.getDefaultStopSet(), IndonesianAnalyzer::new);
    both("irish", IrishAnalyzer.getDefaultStopSet(), IrishAnalyzer::new);
    both("italian", ItalianAnalyzer.getDefaultStopSet(), ItalianAnalyzer::new);
    both("latvian", LatvianAnalyzer.getDefaultStopSet(), LatvianAnalyzer::new);
    both("lithuanian", LithuanianAnalyzer.getDefaultStopSet(), LithuanianAnalyzer::new);
    both("norwegian", NorwegianAnalyzer.getDefaultStopSet(), NorwegianAnalyzer::new);
    both("persian", PersianAnalyzer.getDefaultStopSet(), PersianAnalyzer::new);
    both("portuguese", PortugueseAnalyzer.getDefaultStopSet(), PortugueseAnalyzer::new);
    both("romanian", RomanianAnalyzer.getDefaultStopSet(), RomanianAnalyzer::new);
    both("russian", RussianAnalyzer.getDefaultStopSet(), RussianAnalyzer::new);
    both("serbian", SerbianAnalyzer.getDefaultStopSet(), SerbianAnalyzer::new);
    both("sorani", SoraniAnalyzer.getDefaultStopSet(), SoraniAnalyzer::new);
    both("spanish", SpanishAnalyzer.getDefaultStopSet(), SpanishAnalyzer::new);
    both("swedish", SwedishAnalyzer.getDefaultStopSet(), SwedishAnalyzer::new);
    both("turkish", TurkishAnalyzer.getDefaultStopSet(), TurkishAnalyzer::new);
  }

  private void registerStopwordsOnly() {
    stopwordsOnly("cjk", CJKAnalyzer.getDefaultStopSet(), CJKAnalyzer::new);
    stopwordsOnly("greek", GreekAnalyzer.getDefaultStopSet(), GreekAnalyzer::new);
    stopwordsOnly("thai", ThaiAnalyzer.getDefaultStopSet(), ThaiAnalyzer::new);
    stopwordsOnly("chinese", EnglishAnalyzer.getDefaultStopSet(), StandardAnalyzer::new);
  }

  private void both(
      String name, CharArraySet stopwords, BiFunction<CharArraySet, CharArraySet, Analyzer> maker) {
    register(name, stopwords, maker);
  }

  private void stopwordsOnly(
      String name, CharArraySet stopwords, Function<CharArraySet, Analyzer> maker) {
    register(name, stopwords, (words, excluded) -> maker.apply(words));
  }

  private void register(
      String name, CharArraySet stopwords, BiFunction<CharArraySet, CharArraySet, Analyzer> maker) {
    configurable.put(
        name,
        (index, environment, component, settings) ->
            new FixedAnalyzerProvider(
                component,
                maker.apply(
                    Analysis.parseStopWords(environment, settings, stopwords),
                    Analysis.parseStemExclusion(settings, CharArraySet.EMPTY_SET))));
    readyMade.add(
        new PreBuiltAnalyzerProviderFactory(
            name, CachingStrategy.LUCENE, () -> maker.apply(stopwords, CharArraySet.EMPTY_SET)));
  }
}

package esrag.modules.analysis;

import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.ar.ArabicStemFilter;
import org.apache.lucene.analysis.br.BrazilianStemFilter;
import org.apache.lucene.analysis.cz.CzechStemFilter;
import org.apache.lucene.analysis.de.GermanStemFilter;
import org.apache.lucene.analysis.en.KStemFilter;
import org.apache.lucene.analysis.en.PorterStemFilter;
import org.apache.lucene.analysis.fa.PersianStemFilter;
import org.apache.lucene.analysis.miscellaneous.KeywordRepeatFilter;
import org.apache.lucene.analysis.miscellaneous.PatternKeywordMarkerFilter;
import org.apache.lucene.analysis.miscellaneous.SetKeywordMarkerFilter;
import org.apache.lucene.analysis.miscellaneous.StemmerOverrideFilter;
import org.apache.lucene.analysis.snowball.SnowballFilter;
import org.elasticsearch.common.Strings;
import org.elasticsearch.index.analysis.Analysis;
import org.tartarus.snowball.ext.DutchStemmer;
import org.tartarus.snowball.ext.FrenchStemmer;
import org.tartarus.snowball.ext.RussianStemmer;

/** Filters that reduce words to stems, and those that protect words from it. */
final class StemmingFilters {
  private StemmingFilters() {}

  static void register(TokenFilterRegistry filters) {
    filters.plain("stemmer", StemmingFilters::stemmer);
    filters.plain("snowball", StemmingFilters::snowball);
    filters.plain("porter_stem", s -> PorterStemFilter::new);
    filters.plain("kstem", s -> KStemFilter::new);
    filters.plain("arabic_stem", s -> ArabicStemFilter::new);
    filters.plain("brazilian_stem", s -> excluding(s, BrazilianStemFilter::new));
    filters.plain("czech_stem", s -> CzechStemFilter::new);
    filters.plain(
        "dutch_stem", s -> excluding(s, in -> new SnowballFilter(in, new DutchStemmer())));
    filters.plain(
        "french_stem", s -> excluding(s, in -> new SnowballFilter(in, new FrenchStemmer())));
    filters.plain("german_stem", s -> excluding(s, GermanStemFilter::new));
    filters.plain("persian_stem", s -> PersianStemFilter::new);
    filters.plain("russian_stem", s -> in -> new SnowballFilter(in, new RussianStemmer()));
    filters.plain("keyword_repeat", s -> KeywordRepeatFilter::new);
    filters.configured("keyword_marker", StemmingFilters::keywordMarker);
    filters.configured("stemmer_override", StemmingFilters::stemmerOverride);
  }

  private static UnaryOperator<TokenStream> stemmer(AnalysisSettings settings) {
    return StemmerLanguages.of(settings.text("language", settings.text("name", "porter")));
  }

  private static UnaryOperator<TokenStream> snowball(AnalysisSettings settings) {
    String language =
        Strings.capitalize(settings.text("language", settings.text("name", "English")));
    return StemmerLanguages.snowball(language);
  }

  private static UnaryOperator<TokenStream> excluding(
      AnalysisSettings settings, Function<TokenStream, TokenStream> stemmer) {
    CharArraySet excluded = Analysis.parseStemExclusion(settings.values(), CharArraySet.EMPTY_SET);
    return stream -> stemmer.apply(new SetKeywordMarkerFilter(stream, excluded));
  }

  private static UnaryOperator<TokenStream> keywordMarker(AnalysisSettings settings) {
    String pattern = settings.text("keywords_pattern", null);
    if (pattern != null) {
      if (settings.text("keywords", null) != null || settings.text("keywords_path", null) != null) {
        throw new IllegalArgumentException(
            "cannot specify both `keywords_pattern` and `keywords` or `keywords_path`");
      }
      Pattern compiled = Pattern.compile(pattern);
      return stream -> new PatternKeywordMarkerFilter(stream, compiled);
    }
    CharArraySet words = settings.words("keywords");
    if (words == null) {
      throw new IllegalArgumentException(
          "keyword filter requires either `keywords`, `keywords_path`, "
              + "or `keywords_pattern` to be configured");
    }
    CharArraySet keywords = new CharArraySet(words, settings.flag("ignore_case", false));
    return stream -> new SetKeywordMarkerFilter(stream, keywords);
  }

  private static UnaryOperator<TokenStream> stemmerOverride(AnalysisSettings settings) {
    List<String> rules = settings.lines("rules");
    if (rules == null) {
      throw new IllegalArgumentException(
          "stemmer override filter requires either `rules` or `rules_path` to be configured");
    }
    StemmerOverrideFilter.Builder builder = new StemmerOverrideFilter.Builder(false);
    for (String rule : rules) {
      MappingRule parsed = MappingRule.parse(rule);
      for (String word : parsed.left().split(",")) {
        if (word.isBlank() || parsed.right().isBlank()) {
          throw new IllegalArgumentException("Invalid Keyword override Rule:" + rule);
        }
        builder.add(word.trim(), parsed.right());
      }
    }
    StemmerOverrideFilter.StemmerOverrideMap map = Unchecked.io(builder::build);
    return stream -> new StemmerOverrideFilter(stream, map);
  }
}

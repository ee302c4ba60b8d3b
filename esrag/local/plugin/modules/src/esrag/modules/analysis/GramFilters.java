package esrag.modules.analysis;

import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.cjk.CJKBigramFilter;
import org.apache.lucene.analysis.commongrams.CommonGramsFilter;
import org.apache.lucene.analysis.commongrams.CommonGramsQueryFilter;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenFilter;
import org.apache.lucene.analysis.ngram.NGramTokenFilter;
import org.apache.lucene.analysis.reverse.ReverseStringFilter;
import org.elasticsearch.index.analysis.Analysis;

/** Filters that cut tokens into overlapping pieces or pair neighbouring tokens. */
final class GramFilters {
  private GramFilters() {}

  static void register(TokenFilterRegistry filters) {
    filters.multiplying("ngram", GramFilters::ngram);
    filters.multiplying("edge_ngram", GramFilters::edgeNgram);
    filters.multiplying("cjk_bigram", GramFilters::cjkBigram);
    filters.configuredMultiplying("common_grams", GramFilters::commonGrams);
  }

  private static UnaryOperator<TokenStream> ngram(AnalysisSettings settings) {
    GramRange range = GramRange.checked(settings, "NGram Tokenizer");
    boolean preserve = settings.flag("preserve_original", false);
    return stream -> new NGramTokenFilter(stream, range.min(), range.max(), preserve);
  }

  private static UnaryOperator<TokenStream> edgeNgram(AnalysisSettings settings) {
    GramRange range = GramRange.of(settings);
    boolean preserve = settings.flag("preserve_original", false);
    String side = settings.choice("side", "front");
    return switch (side) {
      case "front" ->
          stream -> new EdgeNGramTokenFilter(stream, range.min(), range.max(), preserve);
      case "back" ->
          stream ->
              new ReverseStringFilter(
                  new EdgeNGramTokenFilter(
                      new ReverseStringFilter(stream), range.min(), range.max(), preserve));
      default -> throw new IllegalArgumentException("invalid side: " + side);
    };
  }

  private static UnaryOperator<TokenStream> cjkBigram(AnalysisSettings settings) {
    List<String> ignored = settings.list("ignored_scripts");
    boolean unigrams = settings.flag("output_unigrams", false);
    int flags = 0;
    for (Script script : Script.values()) {
      if (!ignored.contains(script.name().toLowerCase(Locale.ROOT))) {
        flags |= script.flag;
      }
    }
    int scripts = flags;
    return stream -> new CJKBigramFilter(stream, scripts, unigrams);
  }

  private enum Script {
    HAN(CJKBigramFilter.HAN),
    HIRAGANA(CJKBigramFilter.HIRAGANA),
    KATAKANA(CJKBigramFilter.KATAKANA),
    HANGUL(CJKBigramFilter.HANGUL);

    private final int flag;

    Script(int flag) {
      this.flag = flag;
    }
  }

  private static UnaryOperator<TokenStream> commonGrams(AnalysisSettings settings) {
    CharArraySet words =
        Analysis.parseCommonWords(
            settings.environment(), settings.values(), null, settings.flag("ignore_case", false));
    if (words == null) {
      throw new IllegalArgumentException(
          "missing or empty [common_words] or [common_words_path] configuration for "
              + "common_grams token filter");
    }
    if (settings.flag("query_mode", false)) {
      return stream -> new CommonGramsQueryFilter(new CommonGramsFilter(stream, words));
    }
    return stream -> new CommonGramsFilter(stream, words);
  }
}

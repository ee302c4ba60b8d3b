package esrag.modules.analysis;

import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.ar.ArabicNormalizationFilter;
import org.apache.lucene.analysis.bn.BengaliNormalizationFilter;
import org.apache.lucene.analysis.cjk.CJKWidthFilter;
import org.apache.lucene.analysis.ckb.SoraniNormalizationFilter;
import org.apache.lucene.analysis.core.DecimalDigitFilter;
import org.apache.lucene.analysis.core.LowerCaseFilter;
import org.apache.lucene.analysis.core.UpperCaseFilter;
import org.apache.lucene.analysis.de.GermanNormalizationFilter;
import org.apache.lucene.analysis.el.GreekLowerCaseFilter;
import org.apache.lucene.analysis.fa.PersianNormalizationFilter;
import org.apache.lucene.analysis.fr.FrenchAnalyzer;
import org.apache.lucene.analysis.ga.IrishLowerCaseFilter;
import org.apache.lucene.analysis.hi.HindiNormalizationFilter;
import org.apache.lucene.analysis.in.IndicNormalizationFilter;
import org.apache.lucene.analysis.miscellaneous.ASCIIFoldingFilter;
import org.apache.lucene.analysis.miscellaneous.ScandinavianFoldingFilter;
import org.apache.lucene.analysis.miscellaneous.ScandinavianNormalizationFilter;
import org.apache.lucene.analysis.miscellaneous.TrimFilter;
import org.apache.lucene.analysis.sr.SerbianNormalizationFilter;
import org.apache.lucene.analysis.te.TeluguNormalizationFilter;
import org.apache.lucene.analysis.tr.TurkishLowerCaseFilter;
import org.apache.lucene.analysis.util.ElisionFilter;
import org.elasticsearch.index.analysis.Analysis;

/** Filters that change the characters of each token and nothing else: case, accents, scripts. */
final class CharacterFilters {
  private CharacterFilters() {}

  static void register(TokenFilterRegistry filters) {
    filters.normalizing("lowercase", CharacterFilters::lowercase);
    filters.normalizing("uppercase", s -> UpperCaseFilter::new);
    filters.normalizing("trim", s -> TrimFilter::new);
    filters.normalizing("asciifolding", CharacterFilters::asciiFolding);
    filters.normalizing("decimal_digit", s -> DecimalDigitFilter::new);
    filters.normalizing("elision", CharacterFilters::elision);
    filters.normalizing("cjk_width", s -> CJKWidthFilter::new);
    filters.normalizing("arabic_normalization", s -> ArabicNormalizationFilter::new);
    filters.normalizing("bengali_normalization", s -> BengaliNormalizationFilter::new);
    filters.normalizing("german_normalization", s -> GermanNormalizationFilter::new);
    filters.normalizing("hindi_normalization", s -> HindiNormalizationFilter::new);
    filters.normalizing("indic_normalization", s -> IndicNormalizationFilter::new);
    filters.normalizing("persian_normalization", s -> PersianNormalizationFilter::new);
    filters.normalizing("scandinavian_folding", s -> ScandinavianFoldingFilter::new);
    filters.normalizing("scandinavian_normalization", s -> ScandinavianNormalizationFilter::new);
    filters.normalizing("serbian_normalization", s -> SerbianNormalizationFilter::new);
    filters.normalizing("sorani_normalization", s -> SoraniNormalizationFilter::new);
    filters.normalizing("telugu_normalization", s -> TeluguNormalizationFilter::new);
  }

  private static UnaryOperator<TokenStream> lowercase(AnalysisSettings settings) {
    String language = settings.text("language", "");
    return switch (language) {
      case "" -> LowerCaseFilter::new;
      case "greek" -> GreekLowerCaseFilter::new;
      case "irish" -> IrishLowerCaseFilter::new;
      case "turkish" -> TurkishLowerCaseFilter::new;
      default ->
          throw new IllegalArgumentException(
              "language [" + language + "] not support for lower case");
    };
  }

  private static UnaryOperator<TokenStream> asciiFolding(AnalysisSettings settings) {
    boolean preserveOriginal = settings.flag("preserve_original", false);
    return stream -> new ASCIIFoldingFilter(stream, preserveOriginal);
  }

  private static UnaryOperator<TokenStream> elision(AnalysisSettings settings) {
    CharArraySet given = Analysis.parseArticles(settings.environment(), settings.values());
    CharArraySet articles = given == null ? FrenchAnalyzer.DEFAULT_ARTICLES : given;
    return stream -> new ElisionFilter(stream, articles);
  }
}

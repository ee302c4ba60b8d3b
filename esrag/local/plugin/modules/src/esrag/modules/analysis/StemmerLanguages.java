package esrag.modules.analysis;

import java.util.Locale;
import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.ar.ArabicStemFilter;
import org.apache.lucene.analysis.bg.BulgarianStemFilter;
import org.apache.lucene.analysis.bn.BengaliStemFilter;
import org.apache.lucene.analysis.br.BrazilianStemFilter;
import org.apache.lucene.analysis.ckb.SoraniStemFilter;
import org.apache.lucene.analysis.cz.CzechStemFilter;
import org.apache.lucene.analysis.de.GermanLightStemFilter;
import org.apache.lucene.analysis.de.GermanMinimalStemFilter;
import org.apache.lucene.analysis.el.GreekStemFilter;
import org.apache.lucene.analysis.en.EnglishMinimalStemFilter;
import org.apache.lucene.analysis.en.EnglishPossessiveFilter;
import org.apache.lucene.analysis.en.KStemFilter;
import org.apache.lucene.analysis.en.PorterStemFilter;
import org.apache.lucene.analysis.es.SpanishLightStemFilter;
import org.apache.lucene.analysis.es.SpanishPluralStemFilter;
import org.apache.lucene.analysis.fa.PersianStemFilter;
import org.apache.lucene.analysis.fi.FinnishLightStemFilter;
import org.apache.lucene.analysis.fr.FrenchLightStemFilter;
import org.apache.lucene.analysis.fr.FrenchMinimalStemFilter;
import org.apache.lucene.analysis.gl.GalicianMinimalStemFilter;
import org.apache.lucene.analysis.gl.GalicianStemFilter;
import org.apache.lucene.analysis.hi.HindiStemFilter;
import org.apache.lucene.analysis.hu.HungarianLightStemFilter;
import org.apache.lucene.analysis.id.IndonesianStemFilter;
import org.apache.lucene.analysis.it.ItalianLightStemFilter;
import org.apache.lucene.analysis.lv.LatvianStemFilter;
import org.apache.lucene.analysis.no.NorwegianLightStemFilter;
import org.apache.lucene.analysis.no.NorwegianMinimalStemFilter;
import org.apache.lucene.analysis.pt.PortugueseLightStemFilter;
import org.apache.lucene.analysis.pt.PortugueseMinimalStemFilter;
import org.apache.lucene.analysis.pt.PortugueseStemFilter;
import org.apache.lucene.analysis.ru.RussianLightStemFilter;
import org.apache.lucene.analysis.snowball.SnowballFilter;
import org.apache.lucene.analysis.sv.SwedishLightStemFilter;
import org.elasticsearch.common.Strings;

/**
 * The {@code language} setting of the {@code stemmer} token filter, by the names of the reference.
 *
 * <p>A language without an entry here is one whose documented algorithm is Snowball's of the same
 * name. {@code lovins} and {@code dutch_kp} are gone with Lucene 10.
 */
final class StemmerLanguages {
  /** Lucene's flag for Nynorsk, whose constant sits in a class that is not public. */
  private static final int NYNORSK = 2;

  private StemmerLanguages() {}

  static UnaryOperator<TokenStream> of(String language) {
    return switch (language.toLowerCase(Locale.ROOT)) {
      case "arabic" -> ArabicStemFilter::new;
      case "bengali", "light_bengali", "lightbengali" -> BengaliStemFilter::new;
      case "brazilian" -> BrazilianStemFilter::new;
      case "bulgarian" -> BulgarianStemFilter::new;
      case "czech" -> CzechStemFilter::new;
      case "greek" -> GreekStemFilter::new;
      case "hindi" -> HindiStemFilter::new;
      case "indonesian" -> IndonesianStemFilter::new;
      case "light_indonesian", "lightindonesian" -> in -> new IndonesianStemFilter(in, false);
      case "latvian" -> LatvianStemFilter::new;
      case "persian" -> PersianStemFilter::new;
      case "sorani" -> SoraniStemFilter::new;
      case "light_finnish", "lightfinish" -> FinnishLightStemFilter::new;
      case "light_hungarian", "lighthungarian" -> HungarianLightStemFilter::new;
      case "light_italian", "lightitalian" -> ItalianLightStemFilter::new;
      case "light_russian", "lightrussian" -> RussianLightStemFilter::new;
      case "light_spanish", "lightspanish" -> SpanishLightStemFilter::new;
      case "spanish_plural" -> SpanishPluralStemFilter::new;
      case "light_swedish", "lightswedish" -> SwedishLightStemFilter::new;
      default -> ofSeveral(language);
    };
  }

  /** Languages that offer a choice of algorithms. */
  private static UnaryOperator<TokenStream> ofSeveral(String language) {
    return switch (language.toLowerCase(Locale.ROOT)) {
      case "english", "porter" -> PorterStemFilter::new;
      case "light_english", "lightenglish", "kstem" -> KStemFilter::new;
      case "minimal_english", "minimalenglish" -> EnglishMinimalStemFilter::new;
      case "possessive_english", "possessiveenglish" -> EnglishPossessiveFilter::new;
      case "porter2" -> snowball("English");
      case "light_french", "lightfrench" -> FrenchLightStemFilter::new;
      case "minimal_french", "minimalfrench" -> FrenchMinimalStemFilter::new;
      case "galician" -> GalicianStemFilter::new;
      case "minimal_galician" -> GalicianMinimalStemFilter::new;
      case "german2" -> snowball("German");
      case "light_german", "lightgerman" -> GermanLightStemFilter::new;
      case "minimal_german", "minimalgerman" -> GermanMinimalStemFilter::new;
      case "light_norwegian", "lightnorwegian" -> NorwegianLightStemFilter::new;
      case "light_nynorsk", "lightnynorsk" -> in -> new NorwegianLightStemFilter(in, NYNORSK);
      case "minimal_norwegian", "minimalnorwegian" -> NorwegianMinimalStemFilter::new;
      case "minimal_nynorsk", "minimalnynorsk" -> in -> new NorwegianMinimalStemFilter(in, NYNORSK);
      case "light_portuguese", "lightportuguese" -> PortugueseLightStemFilter::new;
      case "minimal_portuguese", "minimalportuguese" -> PortugueseMinimalStemFilter::new;
      case "portuguese_rslp" -> PortugueseStemFilter::new;
      case "dutch_kp", "dutchkp", "kp" -> RetiredStemmer.of("dutch_kp");
      case "lovins" -> RetiredStemmer.of("lovins");
      default -> snowball(Strings.capitalize(language.toLowerCase(Locale.ROOT)));
    };
  }

  /** Snowball's stemmer of that capitalised name; Lucene refuses a name it has no class for. */
  static UnaryOperator<TokenStream> snowball(String name) {
    return stream -> new SnowballFilter(stream, name);
  }
}

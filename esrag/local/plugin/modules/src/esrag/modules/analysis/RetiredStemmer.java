package esrag.modules.analysis;

import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.TokenFilter;
import org.apache.lucene.analysis.TokenStream;
import org.elasticsearch.common.logging.DeprecationCategory;
import org.elasticsearch.common.logging.DeprecationLogger;

/**
 * Stemmers that Lucene has dropped and the server still takes by name: they warn, and let no token
 * through.
 */
final class RetiredStemmer {
  private static final DeprecationLogger DEPRECATION =
      DeprecationLogger.getLogger("org.elasticsearch.analysis.common.StemmerTokenFilterFactory");

  private RetiredStemmer() {}

  static UnaryOperator<TokenStream> of(String name) {
    return stream -> {
      DEPRECATION.critical(
          DeprecationCategory.ANALYSIS,
          name + "_deprecation",
          "The [" + name + "] stemmer is deprecated and will be removed in a future version.");
      return new Silence(stream);
    };
  }

  private static final class Silence extends TokenFilter {
    Silence(TokenStream input) {
      super(input);
    }

    @Override
    public boolean incrementToken() {
      return false;
    }
  }
}

package esrag.modules.analysis;

import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.LowerCaseFilter;
import org.apache.lucene.analysis.StopFilter;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.en.EnglishPossessiveFilter;
import org.apache.lucene.analysis.miscellaneous.ASCIIFoldingFilter;
import org.apache.lucene.analysis.miscellaneous.FingerprintFilter;
import org.apache.lucene.analysis.pattern.PatternTokenizer;
import org.apache.lucene.analysis.snowball.SnowballFilter;
import org.apache.lucene.analysis.standard.StandardTokenizer;

/** Analyzers that are put together of parts, after the recipes of the reference. */
final class ComposedAnalyzers {
  private ComposedAnalyzers() {}

  static Analyzer pattern(Pattern pattern, boolean lowercase, CharArraySet stopwords) {
    return of(
        () -> new PatternTokenizer(pattern, -1),
        stream -> new StopFilter(lowercase ? new LowerCaseFilter(stream) : stream, stopwords));
  }

  static Analyzer fingerprint(CharArraySet stopwords, char separator, int maxSize) {
    return of(
        StandardTokenizer::new,
        stream ->
            new FingerprintFilter(
                new StopFilter(
                    new ASCIIFoldingFilter(new LowerCaseFilter(stream), false), stopwords),
                maxSize,
                separator));
  }

  static Analyzer snowball(String language, CharArraySet stopwords) {
    boolean english = language.equals("English") || language.equals("Porter");
    return of(
        StandardTokenizer::new,
        stream ->
            new SnowballFilter(
                new StopFilter(
                    new LowerCaseFilter(english ? new EnglishPossessiveFilter(stream) : stream),
                    stopwords),
                language));
  }

  private static Analyzer of(Supplier<Tokenizer> tokenizer, UnaryOperator<TokenStream> filters) {
    return new Analyzer() {
      @Override
      protected TokenStreamComponents createComponents(String field) {
        Tokenizer source = tokenizer.get();
        return new TokenStreamComponents(source, filters.apply(source));
      }
    };
  }
}

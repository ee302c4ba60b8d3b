package esrag.modules.analysis;

import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import java.util.function.Supplier;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenizer;
import org.apache.lucene.analysis.ngram.NGramTokenizer;

/** The {@code ngram} and {@code edge_ngram} tokenizers with their {@code token_chars}. */
final class GramTokenizers {
  private GramTokenizers() {}

  static Supplier<Tokenizer> ngram(AnalysisSettings settings) {
    GramRange range = GramRange.checked(settings, "NGram Tokenizer");
    IntPredicate kept = tokenCharacters(settings);
    return () ->
        new NGramTokenizer(range.min(), range.max()) {
          @Override
          protected boolean isTokenChar(int character) {
            return kept.test(character);
          }
        };
  }

  static Supplier<Tokenizer> edgeNgram(AnalysisSettings settings) {
    GramRange range = GramRange.of(settings);
    IntPredicate kept = tokenCharacters(settings);
    return () ->
        new EdgeNGramTokenizer(range.min(), range.max()) {
          @Override
          protected boolean isTokenChar(int character) {
            return kept.test(character);
          }
        };
  }

  private static IntPredicate tokenCharacters(AnalysisSettings settings) {
    List<String> classes = settings.list("token_chars");
    if (classes.isEmpty()) {
      return character -> true;
    }
    IntPredicate kept = character -> false;
    for (String name : classes) {
      kept = kept.or(characterClass(name.trim().toLowerCase(Locale.ROOT), settings));
    }
    return kept;
  }

  private static IntPredicate characterClass(String name, AnalysisSettings settings) {
    if (name.equals("custom")) {
      String characters = settings.text("custom_token_chars", null);
      if (characters == null) {
        throw new IllegalArgumentException(
            "Token type: 'custom' requires setting `custom_token_chars`");
      }
      return character -> characters.indexOf(character) >= 0;
    }
    try {
      return CharacterClass.valueOf(name.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "Unknown token type: '"
              + name
              + "', must be one of [digit, letter, punctuation, symbol, whitespace, custom]",
          e);
    }
  }
}

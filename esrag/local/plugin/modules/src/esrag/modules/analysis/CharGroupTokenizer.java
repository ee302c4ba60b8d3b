package esrag.modules.analysis;

import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.function.Supplier;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.standard.StandardAnalyzer;
import org.apache.lucene.analysis.util.CharTokenizer;

/** The {@code char_group} tokenizer: splits on listed characters and classes of characters. */
final class CharGroupTokenizer extends CharTokenizer {
  private final IntPredicate separators;

  private CharGroupTokenizer(IntPredicate separators, int maxTokenLength) {
    super(TokenStream.DEFAULT_TOKEN_ATTRIBUTE_FACTORY, maxTokenLength);
    this.separators = separators;
  }

  static Supplier<Tokenizer> maker(AnalysisSettings settings) {
    int longest = settings.integer("max_token_length", StandardAnalyzer.DEFAULT_MAX_TOKEN_LENGTH);
    Set<Integer> characters = new HashSet<>();
    IntPredicate separators = characters::contains;
    for (String entry : settings.list("tokenize_on_chars")) {
      if (entry.isEmpty()) {
        throw new IllegalArgumentException("[tokenize_on_chars] cannot contain empty characters");
      }
      if (entry.length() == 1) {
        characters.add((int) entry.charAt(0));
      } else if (entry.charAt(0) == '\\') {
        characters.add((int) escaped(entry));
      } else {
        separators = separators.or(characterClass(entry));
      }
    }
    IntPredicate all = separators;
    return () -> new CharGroupTokenizer(all, longest);
  }

  private static char escaped(String entry) {
    return switch (entry) {
      case "\\n" -> '\n';
      case "\\t" -> '\t';
      case "\\r" -> '\r';
      case "\\b" -> '\b';
      case "\\f" -> '\f';
      case "\\\\" -> '\\';
      default -> throw new IllegalArgumentException("Invalid escaped char in [" + entry + "]");
    };
  }

  private static IntPredicate characterClass(String name) {
    try {
      return CharacterClass.valueOf(name.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("Invalid escaped char in [" + name + "]", e);
    }
  }

  @Override
  protected boolean isTokenChar(int character) {
    return !separators.test(character);
  }
}

package esrag.modules.analysis;

import java.util.HashSet;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.compound.DictionaryCompoundWordTokenFilter;
import org.apache.lucene.analysis.core.TypeTokenFilter;
import org.apache.lucene.analysis.miscellaneous.KeepWordFilter;

/** Filters driven by a list: words to keep, token types to keep, words to find in compounds. */
final class WordListFilters {
  private WordListFilters() {}

  static void register(TokenFilterRegistry filters) {
    filters.configured("keep", WordListFilters::keep);
    filters.configured("keep_types", WordListFilters::keepTypes);
    filters.configuredMultiplying("dictionary_decompounder", WordListFilters::decompounder);
  }

  private static UnaryOperator<TokenStream> keep(AnalysisSettings settings) {
    CharArraySet words = settings.words("keep_words");
    if (words == null) {
      throw new IllegalArgumentException(
          "keep requires either `keep_words` or `keep_words_path` to be configured");
    }
    CharArraySet kept = new CharArraySet(words, settings.flag("keep_words_case", false));
    return stream -> new KeepWordFilter(stream, kept);
  }

  private static UnaryOperator<TokenStream> keepTypes(AnalysisSettings settings) {
    Set<String> types = new HashSet<>(settings.list("types"));
    if (types.isEmpty()) {
      throw new IllegalArgumentException("keep_types requires `types` to be configured");
    }
    String mode = settings.choice("mode", "include");
    boolean include =
        switch (mode) {
          case "include" -> true;
          case "exclude" -> false;
          default ->
              throw new IllegalArgumentException(
                  "`keep_types` tokenfilter mode can only be [include] or [exclude] but was ["
                      + mode
                      + "].");
        };
    return stream -> new TypeTokenFilter(stream, types, include);
  }

  private static UnaryOperator<TokenStream> decompounder(AnalysisSettings settings) {
    CharArraySet words = settings.words("word_list");
    if (words == null) {
      throw new IllegalArgumentException(
          "word_list must be provided for ["
              + settings.component()
              + "], either as a path to a file, or directly");
    }
    int minWord = settings.integer("min_word_size", 5);
    int minSubword = settings.integer("min_subword_size", 2);
    int maxSubword = settings.integer("max_subword_size", 15);
    boolean longest = settings.flag("only_longest_match", false);
    return stream ->
        new DictionaryCompoundWordTokenFilter(
            stream, words, minWord, minSubword, maxSubword, longest);
  }
}

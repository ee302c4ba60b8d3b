package esrag.modules.analysis;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.util.HashSet;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.compound.DictionaryCompoundWordTokenFilter;
import org.apache.lucene.analysis.compound.HyphenationCompoundWordTokenFilter;
import org.apache.lucene.analysis.compound.hyphenation.HyphenationTree;
import org.apache.lucene.analysis.core.TypeTokenFilter;
import org.apache.lucene.analysis.miscellaneous.KeepWordFilter;
import org.xml.sax.InputSource;

/** Filters driven by a list: words to keep, token types to keep, words to find in compounds. */
final class WordListFilters {
  private WordListFilters() {}

  static void register(TokenFilterRegistry filters) {
    filters.configured("keep", WordListFilters::keep);
    filters.configured("keep_types", WordListFilters::keepTypes);
    filters.configuredMultiplying("dictionary_decompounder", WordListFilters::decompounder);
    filters.configuredMultiplying("hyphenation_decompounder", WordListFilters::hyphenation);
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
    CharArraySet words = subwords(settings);
    int minWord = minWordSize(settings);
    int minSubword = minSubwordSize(settings);
    int maxSubword = maxSubwordSize(settings);
    boolean longest = settings.flag("only_longest_match", false);
    return stream ->
        new DictionaryCompoundWordTokenFilter(
            stream, words, minWord, minSubword, maxSubword, longest);
  }

  private static UnaryOperator<TokenStream> hyphenation(AnalysisSettings settings) {
    CharArraySet words = subwords(settings);
    HyphenationTree patterns = patterns(settings);
    int minWord = minWordSize(settings);
    int minSubword = minSubwordSize(settings);
    int maxSubword = maxSubwordSize(settings);
    boolean longest = settings.flag("only_longest_match", false);
    boolean noSub = settings.flag("no_sub_matches", false);
    boolean noOverlap = settings.flag("no_overlapping_matches", false);
    return stream ->
        new HyphenationCompoundWordTokenFilter(
            stream, patterns, words, minWord, minSubword, maxSubword, longest, noSub, noOverlap);
  }

  /** The patterns lie in a file of the configuration folder. */
  private static HyphenationTree patterns(AnalysisSettings settings) {
    String path = settings.text("hyphenation_patterns_path", null);
    if (path == null) {
      throw new IllegalArgumentException("hyphenation_patterns_path is a required setting.");
    }
    try (InputStream in = Files.newInputStream(settings.environment().configDir().resolve(path))) {
      return HyphenationCompoundWordTokenFilter.getHyphenationTree(new InputSource(in));
    } catch (IOException e) {
      throw new IllegalArgumentException("Exception while reading hyphenation_patterns_path.", e);
    }
  }

  private static CharArraySet subwords(AnalysisSettings settings) {
    CharArraySet words = settings.words("word_list");
    if (words == null) {
      throw new IllegalArgumentException(
          "word_list must be provided for ["
              + settings.component()
              + "], either as a path to a file, or directly");
    }
    return words;
  }

  private static int minWordSize(AnalysisSettings settings) {
    return settings.integer("min_word_size", 5);
  }

  private static int minSubwordSize(AnalysisSettings settings) {
    return settings.integer("min_subword_size", 2);
  }

  private static int maxSubwordSize(AnalysisSettings settings) {
    return settings.integer("max_subword_size", 15);
  }
}

package esrag.modules.analysis;

import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.miscellaneous.WordDelimiterFilter;
import org.apache.lucene.analysis.miscellaneous.WordDelimiterGraphFilter;
import org.apache.lucene.analysis.miscellaneous.WordDelimiterIterator;

/** The {@code word_delimiter} and {@code word_delimiter_graph} filters and their many options. */
@SuppressWarnings("deprecation") // `word_delimiter` is Lucene's older filter by definition
final class WordDelimiters {
  private WordDelimiters() {}

  private record Option(String key, boolean fallback, int flag) {}

  private static final List<Option> OPTIONS =
      List.of(
          new Option("generate_word_parts", true, WordDelimiterGraphFilter.GENERATE_WORD_PARTS),
          new Option("generate_number_parts", true, WordDelimiterGraphFilter.GENERATE_NUMBER_PARTS),
          new Option("catenate_words", false, WordDelimiterGraphFilter.CATENATE_WORDS),
          new Option("catenate_numbers", false, WordDelimiterGraphFilter.CATENATE_NUMBERS),
          new Option("catenate_all", false, WordDelimiterGraphFilter.CATENATE_ALL),
          new Option("split_on_case_change", true, WordDelimiterGraphFilter.SPLIT_ON_CASE_CHANGE),
          new Option("preserve_original", false, WordDelimiterGraphFilter.PRESERVE_ORIGINAL),
          new Option("split_on_numerics", true, WordDelimiterGraphFilter.SPLIT_ON_NUMERICS),
          new Option(
              "stem_english_possessive", true, WordDelimiterGraphFilter.STEM_ENGLISH_POSSESSIVE),
          new Option("ignore_keywords", false, WordDelimiterGraphFilter.IGNORE_KEYWORDS));

  private static final Map<String, Integer> TYPES =
      Map.of(
          "LOWER", WordDelimiterFilter.LOWER,
          "UPPER", WordDelimiterFilter.UPPER,
          "ALPHA", WordDelimiterFilter.ALPHA,
          "DIGIT", WordDelimiterFilter.DIGIT,
          "ALPHANUM", WordDelimiterFilter.ALPHANUM,
          "SUBWORD_DELIM", WordDelimiterFilter.SUBWORD_DELIM);

  /** The older filter. Its flags have the graph filter's values. */
  static UnaryOperator<TokenStream> flat(AnalysisSettings settings) {
    int flags = flags(settings);
    byte[] types = types(settings);
    CharArraySet kept = settings.words("protected_words");
    return stream -> new WordDelimiterFilter(stream, types, flags, kept);
  }

  static UnaryOperator<TokenStream> graph(AnalysisSettings settings) {
    int flags = flags(settings);
    byte[] types = types(settings);
    CharArraySet kept = settings.words("protected_words");
    boolean adjustOffsets = settings.flag("adjust_offsets", true);
    return stream -> new WordDelimiterGraphFilter(stream, adjustOffsets, types, flags, kept);
  }

  private static int flags(AnalysisSettings settings) {
    int flags = 0;
    for (Option option : OPTIONS) {
      if (settings.flag(option.key, option.fallback)) {
        flags |= option.flag;
      }
    }
    return flags;
  }

  private static byte[] types(AnalysisSettings settings) {
    List<String> rules = settings.lines("type_table");
    byte[] standard = WordDelimiterIterator.DEFAULT_WORD_DELIM_TABLE;
    if (rules == null) {
      return standard;
    }
    byte[] table = new byte[Character.MAX_VALUE + 1];
    for (int c = 0; c < table.length; c++) {
      table[c] = c < standard.length ? standard[c] : WordDelimiterIterator.getType(c);
    }
    for (String rule : rules) {
      MappingRule parsed = MappingRule.parse(rule);
      Integer type = TYPES.get(parsed.right());
      if (type == null || parsed.left().length() != 1) {
        throw new IllegalArgumentException("Invalid Mapping Rule : [" + rule + "]");
      }
      table[parsed.left().charAt(0)] = type.byteValue();
    }
    return table;
  }
}

package esrag.modules.analysis;

import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.apache.lucene.analysis.pattern.PatternReplaceFilter;
import org.elasticsearch.common.regex.Regex;

/** Filters driven by regular expressions; the security index needs {@code pattern_capture}. */
final class PatternFilters {
  private PatternFilters() {}

  static void register(TokenFilterRegistry filters) {
    filters.configured("pattern_capture", PatternFilters::capture);
    filters.configuredNormalizing("pattern_replace", PatternFilters::replace);
  }

  private static UnaryOperator<TokenStream> capture(AnalysisSettings settings) {
    List<String> given = settings.list("patterns");
    if (given.isEmpty()) {
      throw new IllegalArgumentException(
          "required setting 'patterns' is missing for token filter [" + settings.component() + "]");
    }
    Pattern[] patterns = given.stream().map(Pattern::compile).toArray(Pattern[]::new);
    boolean preserve = settings.flag("preserve_original", true);
    return stream -> new PatternCaptureGroupTokenFilter(stream, preserve, patterns);
  }

  private static UnaryOperator<TokenStream> replace(AnalysisSettings settings) {
    Pattern pattern =
        Regex.compile(
            settings.required("pattern", "token filter of type 'pattern_replace'"),
            settings.text("flags", null));
    String replacement = settings.text("replacement", "");
    boolean all = settings.flag("all", true);
    return stream -> new PatternReplaceFilter(stream, pattern, replacement, all);
  }
}

package esrag.modules.analysis;

import java.io.Reader;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.charfilter.HTMLStripCharFilter;
import org.apache.lucene.analysis.charfilter.MappingCharFilter;
import org.apache.lucene.analysis.charfilter.NormalizeCharMap;
import org.apache.lucene.analysis.pattern.PatternReplaceCharFilter;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.index.analysis.AbstractCharFilterFactory;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.NormalizingCharFilterFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;

/** The char filters {@code html_strip}, {@code mapping} and {@code pattern_replace}. */
public final class CharFilters {
  private interface Maker extends Function<AnalysisSettings, UnaryOperator<Reader>> {}

  private CharFilters() {}

  /** Providers by char filter name, as the analysis service takes them. */
  public static Map<String, AnalysisProvider<CharFilterFactory>> all() {
    Map<String, AnalysisProvider<CharFilterFactory>> providers = new TreeMap<>();
    providers.put(
        "html_strip",
        (index, environment, name, settings) ->
            new Plain(name, htmlStrip(new AnalysisSettings(index, environment, name, settings))));
    providers.put("mapping", normalizing(CharFilters::mapping));
    providers.put("pattern_replace", normalizing(CharFilters::patternReplace));
    return Map.copyOf(providers);
  }

  private static AnalysisProvider<CharFilterFactory> normalizing(Maker maker) {
    return AnalysisPlugin.requiresAnalysisSettings(
        (index, environment, name, settings) ->
            new Normalizing(
                name, maker.apply(new AnalysisSettings(index, environment, name, settings))));
  }

  private static UnaryOperator<Reader> htmlStrip(AnalysisSettings settings) {
    Set<String> escaped = Set.copyOf(settings.list("escaped_tags"));
    return reader -> new HTMLStripCharFilter(reader, escaped.isEmpty() ? null : escaped);
  }

  private static UnaryOperator<Reader> mapping(AnalysisSettings settings) {
    List<String> rules = settings.lines("mappings");
    if (rules == null) {
      throw new IllegalArgumentException(
          "mapping requires either `mappings` or `mappings_path` to be configured");
    }
    NormalizeCharMap.Builder builder = new NormalizeCharMap.Builder();
    for (String rule : rules) {
      MappingRule parsed = MappingRule.parse(rule);
      builder.add(parsed.left(), parsed.right());
    }
    NormalizeCharMap map = builder.build();
    return reader -> new MappingCharFilter(map, reader);
  }

  private static UnaryOperator<Reader> patternReplace(AnalysisSettings settings) {
    String given = settings.text("pattern", "");
    if (given.isEmpty()) {
      throw new IllegalArgumentException(
          "pattern is missing for ["
              + settings.component()
              + "] char filter of type 'pattern_replace'");
    }
    Pattern pattern = Regex.compile(given, settings.text("flags", null));
    String replacement = settings.text("replacement", "");
    return reader -> new PatternReplaceCharFilter(pattern, replacement, reader);
  }

  private static class Plain extends AbstractCharFilterFactory {
    private final UnaryOperator<Reader> wrapper;

    Plain(String name, UnaryOperator<Reader> wrapper) {
      super(name);
      this.wrapper = wrapper;
    }

    @Override
    public Reader create(Reader reader) {
      return wrapper.apply(reader);
    }
  }

  private static final class Normalizing extends Plain implements NormalizingCharFilterFactory {
    Normalizing(String name, UnaryOperator<Reader> wrapper) {
      super(name, wrapper);
    }
  }
}

package esrag.modules.ingest;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.apache.lucene.analysis.charfilter.HTMLStripCharFilter;
import org.elasticsearch.common.unit.ByteSizeValue;

/** What the text processors beyond letter case do to one string. */
final class TextOperations {
  private TextOperations() {}

  /** {@code gsub}: replaces what a regular expression matches. */
  static DocumentEdit gsub(ProcessorSettings settings) {
    Pattern pattern;
    String given = settings.text("pattern");
    String replacement = settings.text("replacement");
    try {
      pattern = Pattern.compile(given);
    } catch (PatternSyntaxException e) {
      throw settings.invalid("pattern", "Invalid regex pattern. " + e.getMessage());
    }
    return TextEdit.of(settings, text -> pattern.matcher(text).replaceAll(replacement));
  }

  /** {@code html_strip}: leaves the text of HTML; text without a tag stays as it is. */
  static DocumentEdit htmlStrip(ProcessorSettings settings) {
    return TextEdit.of(settings, TextOperations::stripped);
  }

  private static String stripped(String text) {
    if (!text.contains("<") || !text.contains(">")) {
      return text;
    }
    StringWriter result = new StringWriter();
    try (HTMLStripCharFilter filter = new HTMLStripCharFilter(new StringReader(text))) {
      filter.transferTo(result);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return result.toString();
  }

  /** {@code bytes}: the number of bytes that text like {@code 1kb} names. */
  static DocumentEdit bytes(ProcessorSettings settings) {
    return TextEdit.of(
        settings, text -> ByteSizeValue.parseBytesSizeValue(text, "Ingest Field").getBytes());
  }

  /** {@code urldecode}: undoes percent encoding. */
  static DocumentEdit urlDecode(ProcessorSettings settings) {
    return TextEdit.of(settings, text -> URLDecoder.decode(text, StandardCharsets.UTF_8));
  }
}

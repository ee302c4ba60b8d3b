package esrag.modules.analysis;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One {@code left => right} rule of a mapping char filter or a stemmer override. */
record MappingRule(String left, String right) {
  private static final Pattern RULE = Pattern.compile("(.*)\\s*=>\\s*(.*)\\s*$", Pattern.DOTALL);

  static MappingRule parse(String rule) {
    Matcher matcher = RULE.matcher(rule);
    if (!matcher.find()) {
      throw new IllegalArgumentException("Invalid Mapping Rule : [" + rule + "]");
    }
    return new MappingRule(unescape(matcher.group(1).trim()), unescape(matcher.group(2).trim()));
  }

  /** Resolves {@code \n}, {@code \\}, {@code \}{@code u0041} and the like. */
  private static String unescape(String text) {
    StringBuilder out = new StringBuilder(text.length());
    int position = 0;
    while (position < text.length()) {
      char c = text.charAt(position++);
      if (c != '\\') {
        out.append(c);
        continue;
      }
      if (position >= text.length()) {
        throw new IllegalArgumentException("Invalid escaped char in [" + text + "]");
      }
      char escaped = text.charAt(position++);
      switch (escaped) {
        case '\\' -> out.append('\\');
        case 'n' -> out.append('\n');
        case 't' -> out.append('\t');
        case 'r' -> out.append('\r');
        case 'b' -> out.append('\b');
        case 'f' -> out.append('\f');
        case 'u' -> {
          if (position + 4 > text.length()) {
            throw new IllegalArgumentException("Invalid escaped char in [" + text + "]");
          }
          out.append((char) Integer.parseInt(text.substring(position, position + 4), 16));
          position += 4;
        }
        default -> out.append(escaped);
      }
    }
    return out.toString();
  }
}

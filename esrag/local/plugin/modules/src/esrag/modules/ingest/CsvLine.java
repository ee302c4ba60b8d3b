package esrag.modules.ingest;

/**
 * One line of comma-separated values, read column by column. Blanks around a quoted value are
 * allowed; two quotes in one stand for a quote. Columns are handed on as they are read, so that
 * those before a mistake are kept, and what comes after the last wanted column is not looked at.
 */
final class CsvLine {

  /** Takes a column's value as soon as it is read. */
  @FunctionalInterface
  interface Columns {
    void take(int column, String value);
  }

  private final String line;
  private final CsvDialect dialect;
  private int position;

  CsvLine(String line, CsvDialect dialect) {
    this.line = line;
    this.dialect = dialect;
  }

  void read(int wanted, Columns columns) {
    for (int column = 0; column < wanted; column++) {
      String value = next();
      if (value == null) {
        return;
      }
      columns.take(column, value);
      if (column + 1 < wanted && !toNextColumn()) {
        return;
      }
    }
  }

  /** The value that starts here; null when the line is at its end or has only blanks left. */
  private String next() {
    int start = position;
    while (position < line.length() && isBlank(line.charAt(position))) {
      position++;
    }
    if (position == line.length()) {
      return null;
    }
    if (line.charAt(position) == dialect.quote()) {
      return quoted();
    }
    return unquoted(dialect.trim() ? position : start);
  }

  private String unquoted(int start) {
    for (; position < line.length(); position++) {
      char c = line.charAt(position);
      if (c == dialect.separator()) {
        break;
      }
      if (c == '\n' || c == '\r' || c == dialect.quote()) {
        throw new IllegalArgumentException(
            "Illegal character inside unquoted field at " + position);
      }
    }
    int end = position;
    boolean atEnd = position == line.length(); // where the module leaves blanks alone
    while (dialect.trim() && !atEnd && end > start && isBlank(line.charAt(end - 1))) {
      end--;
    }
    return line.substring(start, end);
  }

  private String quoted() {
    StringBuilder value = new StringBuilder();
    for (position++; position < line.length(); position++) {
      char c = line.charAt(position);
      if (c == dialect.quote()) {
        position++;
        if (position == line.length() || line.charAt(position) != dialect.quote()) {
          checkAfterQuote();
          return value.toString();
        }
      }
      value.append(c);
    }
    throw new IllegalArgumentException("Unmatched quote");
  }

  private void checkAfterQuote() {
    if (position < line.length()
        && !isBlank(line.charAt(position))
        && line.charAt(position) != dialect.separator()) {
      throw afterQuote();
    }
  }

  private IllegalArgumentException afterQuote() {
    return new IllegalArgumentException(
        "character '" + line.charAt(position) + "' after quoted field at " + position);
  }

  /** Goes behind the separator; false when the line ends here. */
  private boolean toNextColumn() {
    for (; position < line.length(); position++) {
      char c = line.charAt(position);
      if (c == dialect.separator()) {
        position++;
        return true;
      }
      if (!isBlank(c)) {
        throw afterQuote();
      }
    }
    return false;
  }

  private static boolean isBlank(char c) {
    return c == ' ' || c == '\t';
  }
}

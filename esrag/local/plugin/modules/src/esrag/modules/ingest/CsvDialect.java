package esrag.modules.ingest;

/**
 * How a line of comma-separated values is written.
 *
 * @param trim whether blanks around a value without quotes are not part of it
 */
record CsvDialect(char quote, char separator, boolean trim) {}

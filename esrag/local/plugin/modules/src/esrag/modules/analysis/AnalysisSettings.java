package esrag.modules.analysis;

import java.util.List;
import java.util.Locale;
import org.apache.lucene.analysis.CharArraySet;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.Analysis;

/**
 * The settings of one analysis component together with where its files lie: what every factory of
 * the real analysis-common module reads its options from.
 *
 * <p>An index-less {@code _analyze} call brings no settings for a component named bare, so {@code
 * null} counts as empty.
 */
record AnalysisSettings(
    IndexSettings index, Environment environment, String component, Settings values) {

  AnalysisSettings {
    values = values == null ? Settings.EMPTY : values;
  }

  int integer(String key, int fallback) {
    return values.getAsInt(key, fallback);
  }

  boolean flag(String key, boolean fallback) {
    return values.getAsBoolean(key, fallback);
  }

  String text(String key, String fallback) {
    return values.get(key, fallback);
  }

  /** The value in lower case, for settings that name one of a few choices. */
  String choice(String key, String fallback) {
    return values.get(key, fallback).toLowerCase(Locale.ROOT);
  }

  List<String> list(String key) {
    return values.getAsList(key);
  }

  /** A setting without which the component makes no sense. */
  String required(String key, String what) {
    String value = values.get(key);
    if (value == null) {
      throw new IllegalArgumentException(key + " is missing for [" + component + "] " + what);
    }
    return value;
  }

  /** One character, as delimiters are given. */
  char character(String key, char fallback) {
    String value = values.get(key);
    if (value == null) {
      return fallback;
    }
    if (value.length() != 1) {
      throw new IllegalArgumentException("[" + key + "] must be a one char value");
    }
    return value.charAt(0);
  }

  /** Words given in place or in the file that {@code <key>_path} names; null when neither is. */
  CharArraySet words(String key) {
    return Analysis.getWordSet(environment, values, key);
  }

  /** Lines given in place or in the file that {@code <key>_path} names; null when neither is. */
  List<String> lines(String key) {
    return Analysis.getWordList(environment, values, key);
  }
}

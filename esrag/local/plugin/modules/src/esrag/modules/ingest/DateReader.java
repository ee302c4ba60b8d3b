package esrag.modules.ingest;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.temporal.ChronoField;
import java.time.temporal.TemporalAccessor;
import java.time.temporal.WeekFields;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import org.elasticsearch.common.time.DateFormatter;
import org.elasticsearch.common.time.DateFormatters;
import org.elasticsearch.common.util.CachedSupplier;

/** One of the formats that {@code date} tries: a name it knows, or a pattern of java.time. */
@FunctionalInterface
interface DateReader {
  ZonedDateTime read(String text, ZoneId zone, Locale locale);

  static DateReader of(String format) {
    return switch (format) {
      case "ISO8601" -> iso();
      case "UNIX" -> (text, zone, locale) -> at((long) (Double.parseDouble(text) * 1000.0), zone);
      case "UNIX_MS" -> (text, zone, locale) -> at(Long.parseLong(text), zone);
      case "TAI64N" -> (text, zone, locale) -> at(taiMillis(text), zone);
      default -> pattern(format);
    };
  }

  private static DateReader iso() {
    DateFormatter formatter = DateFormatter.forPattern("iso8601");
    return (text, zone, locale) ->
        DateFormatters.from(formatter.parse(text), Locale.ROOT, zone).withZoneSameInstant(zone);
  }

  private static ZonedDateTime at(long millis, ZoneId zone) {
    return Instant.ofEpochMilli(millis).atZone(zone);
  }

  /** 16 hexadecimal digits of seconds, which are ten ahead of UTC, then 8 of nanoseconds. */
  private static long taiMillis(String text) {
    String digits = text.startsWith("@") ? text.substring(1) : text;
    long seconds = Long.parseLong(digits.substring(1, 16), 16);
    long nanos = Long.parseLong(digits.substring(16, 24), 16);
    return seconds * 1000 - 10_000 + nanos / 1_000_000;
  }

  /** A pattern is read when a document needs it: a wrong one fails the document, not the PUT. */
  private static DateReader pattern(String format) {
    String pattern = format.startsWith("8") ? format.substring(1) : format;
    Supplier<DateFormatter> formatter =
        CachedSupplier.wrap(() -> DateFormatter.forPattern(pattern));
    return (text, zone, locale) -> {
      TemporalAccessor parsed = formatter.get().withLocale(locale).parse(text);
      TemporalAccessor whole = hasYear(parsed, locale) ? parsed : inThisYear(parsed, zone);
      return DateFormatters.from(whole, locale, zone).withZoneSameInstant(zone);
    };
  }

  private static boolean hasYear(TemporalAccessor parsed, Locale locale) {
    return parsed.isSupported(ChronoField.YEAR)
        || parsed.isSupported(ChronoField.YEAR_OF_ERA)
        || parsed.isSupported(WeekFields.ISO.weekBasedYear())
        || parsed.isSupported(WeekFields.of(locale).weekBasedYear())
        || parsed.isSupported(ChronoField.INSTANT_SECONDS);
  }

  private static ZonedDateTime inThisYear(TemporalAccessor parsed, ZoneId zone) {
    ZonedDateTime filled =
        Instant.EPOCH.atZone(ZoneOffset.UTC).withYear(LocalDate.now(ZoneOffset.UTC).getYear());
    List<ChronoField> fields =
        List.of(
            ChronoField.NANO_OF_SECOND,
            ChronoField.SECOND_OF_DAY,
            ChronoField.MINUTE_OF_DAY,
            ChronoField.HOUR_OF_DAY,
            ChronoField.DAY_OF_MONTH,
            ChronoField.MONTH_OF_YEAR);
    for (ChronoField field : fields) {
      if (parsed.isSupported(field)) {
        filled = filled.with(field, parsed.get(field));
      }
    }
    return filled.withZoneSameLocal(zone);
  }
}

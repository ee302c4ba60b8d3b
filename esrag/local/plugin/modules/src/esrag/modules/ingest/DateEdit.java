package esrag.modules.ingest;

import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.Locale;
import org.elasticsearch.ExceptionsHelper;
import org.elasticsearch.common.time.DateFormatter;
import org.elasticsearch.common.util.LocaleUtils;
import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.script.TemplateScript;

/** The {@code date} processor: reads a date by the first format that fits and writes it anew. */
record DateEdit(
    String field,
    String target,
    TemplateScript.Factory timezone,
    TemplateScript.Factory locale,
    List<DateReader> readers,
    DateFormatter output)
    implements DocumentEdit {

  static DocumentEdit of(ProcessorSettings settings) {
    String field = settings.text("field");
    String target = settings.text("target_field", "@timestamp");
    TemplateScript.Factory timezone = settings.optionalTemplate("timezone");
    TemplateScript.Factory locale = settings.optionalTemplate("locale");
    List<DateReader> readers = settings.list("formats").stream().map(DateReader::of).toList();
    String format = settings.text("output_format", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX");
    DateFormatter output;
    try {
      output = DateFormatter.forPattern(format);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("invalid output format [" + format + "]", e);
    }
    return new DateEdit(field, target, timezone, locale, readers, output);
  }

  @Override
  public void apply(IngestDocument document) {
    Object given = document.getFieldValue(field, Object.class);
    String text = given == null ? null : given.toString();
    ZoneId zone;
    Locale language;
    try {
      zone = timezone == null ? ZoneOffset.UTC : ZoneId.of(document.renderTemplate(timezone));
      language = locale == null ? Locale.ROOT : LocaleUtils.parse(document.renderTemplate(locale));
    } catch (RuntimeException e) { // java.time and the templates name no common type
      throw new IllegalArgumentException("unable to parse date [" + text + "]", e);
    }
    document.setFieldValue(target, output.format(read(text, zone, language)));
  }

  /** The first failure is the cause that the client sees; those of later formats hang on it. */
  private ZonedDateTime read(String text, ZoneId zone, Locale language) {
    Exception failure = null;
    for (DateReader reader : readers) {
      try {
        return reader.read(text, zone, language);
      } catch (RuntimeException e) { // not this format, whatever its parser throws
        failure = ExceptionsHelper.useOrSuppress(failure, e);
      }
    }
    throw new IllegalArgumentException("unable to parse date [" + text + "]", failure);
  }
}

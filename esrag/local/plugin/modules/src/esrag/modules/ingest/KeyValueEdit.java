package esrag.modules.ingest;

import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.script.TemplateScript;

/** The {@code kv} processor: makes fields of text like {@code ip=1.2.3.4 error=REFUSED}. */
record KeyValueEdit(
    TemplateScript.Factory field,
    TemplateScript.Factory target,
    String fieldSplit,
    String valueSplit,
    KeyFilter keys,
    UnaryOperator<String> keyTrimmer,
    UnaryOperator<String> valueTrimmer,
    String prefix,
    boolean ignoreMissing)
    implements DocumentEdit {
  private static final Pattern BRACKETS = Pattern.compile("(^[\\(\\[<\"'])|([\\]\\)>\"']$)");

  /** Which keys become fields; null means no limit. */
  record KeyFilter(Set<String> included, Set<String> excluded) {
    boolean takes(String key) {
      return (included == null || included.contains(key))
          && (excluded == null || !excluded.contains(key));
    }
  }

  static DocumentEdit of(ProcessorSettings settings) {
    TemplateScript.Factory field = settings.template("field");
    TemplateScript.Factory target = settings.optionalTemplate("target_field");
    String fieldSplit = settings.text("field_split");
    String valueSplit = settings.text("value_split");
    UnaryOperator<String> keyTrimmer = trimmer(settings.optionalText("trim_key"));
    UnaryOperator<String> valueTrimmer = trimmer(settings.optionalText("trim_value"));
    String prefix = settings.text("prefix", "");
    boolean stripBrackets = settings.flag("strip_brackets", false);
    KeyFilter keys =
        new KeyFilter(settings.optionalSet("include_keys"), settings.optionalSet("exclude_keys"));
    return new KeyValueEdit(
        field,
        target,
        fieldSplit,
        valueSplit,
        keys,
        keyTrimmer,
        stripBrackets ? value -> valueTrimmer.apply(unbracketed(value)) : valueTrimmer,
        prefix,
        settings.flag("ignore_missing", false));
  }

  private static UnaryOperator<String> trimmer(String characters) {
    if (characters == null) {
      return UnaryOperator.identity();
    }
    Pattern ends = Pattern.compile("(^([" + characters + "]+))|([" + characters + "]+$)");
    return text -> ends.matcher(text).replaceAll("");
  }

  private static String unbracketed(String value) {
    return BRACKETS.matcher(value).replaceAll("");
  }

  @Override
  public void apply(IngestDocument document) {
    String object = target == null ? "" : document.renderTemplate(target);
    String before = object.isEmpty() ? prefix : object + "." + prefix;
    String path = document.renderTemplate(field);
    String text = read(document, path);
    if (text == null) {
      return;
    }
    for (String part : text.split(fieldSplit)) {
      String[] pair = part.split(valueSplit, 2);
      if (pair.length != 2) {
        throw new IllegalArgumentException(
            "field [" + path + "] does not contain value_split [" + valueSplit + "]");
      }
      String key = keyTrimmer.apply(pair[0]);
      if (keys.takes(key)) {
        append(document, before + key, valueTrimmer.apply(pair[1]));
      }
    }
  }

  private String read(IngestDocument document, String path) {
    if (path.isEmpty() || !document.hasField(path, true)) {
      if (ignoreMissing) {
        return null;
      }
      throw new IllegalArgumentException("field [" + path + "] doesn't exist");
    }
    return new RequiredField(path, ignoreMissing)
        .read(document, String.class, "cannot extract key-value pairs.");
  }

  /** A key that comes again makes a list of its values. */
  private static void append(IngestDocument document, String path, String value) {
    if (document.hasField(path)) {
      document.appendFieldValue(path, value);
    } else {
      document.setFieldValue(path, value);
    }
  }
}

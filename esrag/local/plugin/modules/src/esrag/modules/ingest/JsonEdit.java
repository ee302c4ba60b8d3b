package esrag.modules.ingest;

import java.io.IOException;
import java.util.Map;
import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xcontent.json.JsonXContent;

/** The {@code json} processor: reads a string as JSON, in place, elsewhere, or at the root. */
record JsonEdit(
    String field,
    String target,
    boolean addToRoot,
    boolean merge,
    boolean allowDuplicateKeys,
    boolean strict)
    implements DocumentEdit {
  private static final String STRATEGY = "add_to_root_conflict_strategy";

  static DocumentEdit of(ProcessorSettings settings) {
    String field = settings.text("field");
    String target = settings.optionalText("target_field");
    boolean addToRoot = settings.flag("add_to_root", false);
    boolean allowDuplicateKeys = settings.flag("allow_duplicate_keys", false);
    String strategy = settings.optionalText(STRATEGY);
    if (strategy != null
        && !strategy.equalsIgnoreCase("replace")
        && !strategy.equalsIgnoreCase("merge")) {
      throw settings.invalid(
          STRATEGY, "conflict strategy [" + strategy + "] not supported, cannot convert field.");
    }
    if (addToRoot && target != null) {
      throw settings.invalid(
          "target_field", "Cannot set a target field while also setting `add_to_root` to true");
    }
    if (!addToRoot && strategy != null) {
      throw settings.invalid(
          STRATEGY, "Cannot set `add_to_root_conflict_strategy` if `add_to_root` is false");
    }
    return new JsonEdit(
        field,
        target == null ? field : target,
        addToRoot,
        "merge".equalsIgnoreCase(strategy),
        allowDuplicateKeys,
        settings.flag("strict_json_parsing", true));
  }

  @Override
  public void apply(IngestDocument document) {
    if (!addToRoot) {
      document.setFieldValue(target, parse(document.getFieldValue(field, Object.class)));
      return;
    }
    Map<String, Object> root = document.getSourceAndMetadata();
    if (!(parse(root.get(field)) instanceof Map<?, ?> parsed)) {
      throw new IllegalArgumentException("cannot add non-map fields to root of document");
    }
    addAll(root, parsed);
  }

  private void addAll(Map<String, Object> target, Map<?, ?> parsed) {
    parsed.forEach(
        (key, value) -> {
          String name = (String) key;
          if (merge
              && value instanceof Map<?, ?> inner
              && target.get(name) instanceof Map<?, ?> existing) {
            @SuppressWarnings("unchecked") // documents have string keys throughout
            Map<String, Object> object = (Map<String, Object>) existing;
            addAll(object, inner);
          } else {
            target.put(name, value);
          }
        });
  }

  private Object parse(Object given) {
    String text = given == null ? "null" : given.toString();
    try (XContentParser parser =
        JsonXContent.jsonXContent.createParser(XContentParserConfiguration.EMPTY, text)) {
      parser.allowDuplicateKeys(allowDuplicateKeys);
      Object value = first(parser);
      if (strict) {
        checkEnd(parser, given);
      }
      return value;
    } catch (IOException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static Object first(XContentParser parser) throws IOException {
    return switch (parser.nextToken()) {
      case null -> null;
      case VALUE_STRING -> parser.text();
      case VALUE_NUMBER -> parser.numberValue();
      case VALUE_BOOLEAN -> parser.booleanValue();
      case START_OBJECT -> parser.map();
      case START_ARRAY -> parser.list();
      case VALUE_EMBEDDED_OBJECT -> throw new IllegalArgumentException("cannot read binary value");
      default -> null;
    };
  }

  private static void checkEnd(XContentParser parser, Object given) throws IOException {
    String message =
        "The input " + given + " is not valid JSON and the strict_json_parsing parameter is true";
    XContentParser.Token next;
    try {
      next = parser.nextToken();
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(message, e);
    }
    if (next != null) {
      throw new IllegalArgumentException(message);
    }
  }
}

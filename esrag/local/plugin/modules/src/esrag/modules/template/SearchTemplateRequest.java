package esrag.modules.template;

import static org.elasticsearch.action.ValidateActions.addValidationError;

import java.io.IOException;
import java.util.Map;
import org.elasticsearch.action.ActionRequest;
import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.action.CompositeIndicesRequest;
import org.elasticsearch.action.search.SearchRequest;
import org.elasticsearch.action.support.TransportAction;
import org.elasticsearch.common.Strings;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.script.Script;
import org.elasticsearch.script.ScriptType;
import org.elasticsearch.tasks.CancellableTask;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.tasks.TaskId;
import org.elasticsearch.xcontent.ObjectParser;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentFactory;
import org.elasticsearch.xcontent.XContentParser;

/**
 * A template to render and, unless only the rendering is wanted, the search to fill with it.
 *
 * <p>The security module knows this action by name as one whose inner search is authorised on its
 * own, and demands that its request says so by being composite.
 */
final class SearchTemplateRequest extends ActionRequest implements CompositeIndicesRequest {
  private static final ObjectParser<SearchTemplateRequest, Void> PARSER =
      new ObjectParser<>("search_template", SearchTemplateRequest::new);

  static {
    PARSER.declareField(
        (request, params) -> request.params = params,
        XContentParser::map,
        new ParseField("params"),
        ObjectParser.ValueType.OBJECT);
    PARSER.declareString(SearchTemplateRequest::stored, new ParseField("id"));
    PARSER.declareBoolean((request, on) -> request.explain = on, new ParseField("explain"));
    PARSER.declareBoolean((request, on) -> request.profile = on, new ParseField("profile"));
    PARSER.declareField(
        SearchTemplateRequest::inline,
        SearchTemplateRequest::source,
        new ParseField("source", "inline", "template"),
        ObjectParser.ValueType.OBJECT_OR_STRING);
  }

  private SearchRequest search;
  private ScriptType type;
  private String template;
  private Map<String, Object> params = Map.of();
  private boolean explain;
  private boolean profile;
  private boolean totalHitsAsInt;

  static SearchTemplateRequest parse(XContentParser parser) throws IOException {
    return PARSER.parse(parser, null);
  }

  /** A template may be written as an object, which then counts as its JSON text. */
  private static String source(XContentParser parser) throws IOException {
    if (parser.currentToken() != XContentParser.Token.START_OBJECT) {
      return parser.text();
    }
    try (XContentBuilder builder = XContentFactory.jsonBuilder()) {
      return Strings.toString(builder.copyCurrentStructure(parser));
    }
  }

  void stored(String id) {
    type = ScriptType.STORED;
    template = id;
  }

  private void inline(String source) {
    type = ScriptType.INLINE;
    template = source;
  }

  /** Whether it says which template to use, at least by an empty text. */
  boolean isNamed() {
    return template != null;
  }

  /** The search that the rendered template is the body of; null to render only. */
  SearchRequest search() {
    return search;
  }

  void search(SearchRequest given) {
    search = given;
  }

  boolean explain() {
    return explain;
  }

  void explain(boolean on) {
    explain = on;
  }

  boolean profile() {
    return profile;
  }

  void profile(boolean on) {
    profile = on;
  }

  boolean totalHitsAsInt() {
    return totalHitsAsInt;
  }

  void totalHitsAsInt(boolean on) {
    totalHitsAsInt = on;
  }

  Script script() {
    String language = type == ScriptType.STORED ? null : Script.DEFAULT_TEMPLATE_LANG;
    return new Script(type, language, template, params);
  }

  @Override
  public ActionRequestValidationException validate() {
    ActionRequestValidationException errors = null;
    if (Strings.isNullOrEmpty(template)) {
      errors = addValidationError("template is missing", errors);
    }
    if (type == null) {
      errors = addValidationError("template's script type is missing", errors);
    }
    if (search != null) {
      ActionRequestValidationException inner = search.validate();
      if (inner != null) {
        errors = errors == null ? new ActionRequestValidationException() : errors;
        errors.addValidationErrors(inner.validationErrors());
      }
    }
    return errors;
  }

  /** Ends with the client's connection, taking the inner search with it. */
  @Override
  public Task createTask(
      long id, String taskType, String action, TaskId parent, Map<String, String> headers) {
    return new CancellableTask(id, taskType, action, "template[" + template + "]", parent, headers);
  }

  /** One node serves everything here, so the request never travels. */
  @Override
  public void writeTo(StreamOutput out) throws IOException {
    TransportAction.localOnly();
  }
}

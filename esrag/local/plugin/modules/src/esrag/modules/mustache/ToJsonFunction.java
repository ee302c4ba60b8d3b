package esrag.modules.mustache;

import com.github.mustachejava.DefaultMustacheFactory;
import com.github.mustachejava.Mustache;
import com.github.mustachejava.TemplateContext;
import java.io.IOException;
import java.util.Map;
import org.elasticsearch.common.Strings;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentFactory;

/** {@code {{#toJson}}x{{/toJson}}}: a list or object as JSON, anything else as it is. */
final class ToJsonFunction extends IdentifierFunction {

  ToJsonFunction(
      TemplateContext context, DefaultMustacheFactory factory, Mustache section, String function) {
    super(context, factory, section, function);
  }

  @Override
  String render(Object value) throws IOException {
    Object plain = value instanceof ListView view ? view.elements() : value;
    if (plain instanceof Map<?, ?> || plain instanceof Iterable<?>) {
      try (XContentBuilder builder = XContentFactory.jsonBuilder()) {
        return Strings.toString(builder.value(plain));
      }
    }
    return plain == null ? "" : oh.stringify(plain);
  }
}

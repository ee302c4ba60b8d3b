package esrag.modules.mustache;

import com.github.mustachejava.DefaultMustacheFactory;
import com.github.mustachejava.Mustache;
import com.github.mustachejava.TemplateContext;
import java.util.StringJoiner;

/** {@code {{#join}}x{{/join}}}: a list's elements with a delimiter between them. */
final class JoinFunction extends IdentifierFunction {
  private final String delimiter;

  JoinFunction(
      TemplateContext context,
      DefaultMustacheFactory factory,
      Mustache section,
      String function,
      String delimiter) {
    super(context, factory, section, function);
    this.delimiter = delimiter;
  }

  @Override
  String render(Object value) {
    if (value == null) {
      return "";
    }
    if (value instanceof Iterable<?> elements) {
      StringJoiner joined = new StringJoiner(delimiter);
      for (Object element : elements) {
        joined.add(oh.stringify(element));
      }
      return joined.toString();
    }
    return oh.stringify(value);
  }
}

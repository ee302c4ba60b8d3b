package esrag.modules.mustache;

import com.github.mustachejava.Code;
import com.github.mustachejava.DefaultMustacheFactory;
import com.github.mustachejava.Mustache;
import com.github.mustachejava.MustacheException;
import com.github.mustachejava.TemplateContext;
import com.github.mustachejava.codes.DefaultCode;
import java.io.IOException;
import java.io.StringWriter;
import java.io.Writer;
import java.util.List;

/**
 * A section whose text is the name of one parameter. The name is looked up where the section
 * stands, so it may be a loop's element or one of its fields.
 */
abstract class IdentifierFunction extends DefaultCode {

  IdentifierFunction(
      TemplateContext context, DefaultMustacheFactory factory, Mustache section, String function) {
    super(context, factory, section, identifier(section, function), "#");
  }

  private static String identifier(Mustache section, String function) {
    Code[] codes = section.getCodes();
    if (codes == null || codes.length != 1) {
      throw new MustacheException(
          "Mustache function [" + function + "] must contain one and only one identifier");
    }
    StringWriter text = new StringWriter();
    codes[0].identity(text);
    return text.toString().trim();
  }

  /** The text that stands for the parameter's value; an empty one when it is not given. */
  abstract String render(Object value) throws IOException;

  @Override
  public Writer execute(Writer writer, List<Object> scopes) {
    try {
      writer.write(render(get(scopes)));
    } catch (IOException e) {
      throw new MustacheException("Failed to write [" + name + "]", e, tc);
    }
    return appendText(writer);
  }
}

package esrag.modules.mustache;

import com.github.mustachejava.DefaultMustacheFactory;
import com.github.mustachejava.Mustache;
import com.github.mustachejava.MustacheException;
import com.github.mustachejava.TemplateContext;
import com.github.mustachejava.codes.DefaultCode;
import java.io.IOException;
import java.io.StringWriter;
import java.io.Writer;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** {@code {{#url}}…{{/url}}}: renders what is inside and encodes the result for a URL. */
final class UrlFunction extends DefaultCode {

  UrlFunction(
      TemplateContext context, DefaultMustacheFactory factory, Mustache section, String function) {
    super(context, factory, section, function, "#");
  }

  @Override
  public Writer execute(Writer writer, List<Object> scopes) {
    StringWriter inner = new StringWriter();
    run(inner, scopes);
    try {
      writer.write(URLEncoder.encode(inner.toString(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new MustacheException("Failed to encode URL", e, tc);
    }
    return appendText(writer);
  }
}

package esrag.modules.mustache;

import com.github.mustachejava.Mustache;
import com.github.mustachejava.MustacheException;
import java.io.StringWriter;
import java.util.Map;
import org.elasticsearch.common.text.SizeLimitingStringWriter;
import org.elasticsearch.script.GeneralScriptException;
import org.elasticsearch.script.TemplateScript;

/** A compiled template with its parameters, ready to be rendered. */
final class MustacheTemplate extends TemplateScript {
  private final Mustache mustache;
  private final int maxOutputBytes;

  MustacheTemplate(Mustache mustache, Map<String, Object> parameters, int maxOutputBytes) {
    super(parameters);
    this.mustache = mustache;
    this.maxOutputBytes = maxOutputBytes;
  }

  @Override
  @SuppressWarnings("deprecation") // the error that clients know from the real module
  public String execute() {
    StringWriter writer = new SizeLimitingStringWriter(maxOutputBytes);
    try {
      mustache.execute(writer, getParams());
    } catch (MustacheException | IllegalArgumentException e) {
      throw new GeneralScriptException("Error running " + mustache.getName(), e);
    }
    return writer.toString();
  }
}

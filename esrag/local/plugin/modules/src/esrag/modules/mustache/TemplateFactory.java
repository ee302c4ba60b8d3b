package esrag.modules.mustache;

import com.github.mustachejava.DefaultMustacheFactory;
import com.github.mustachejava.MustacheException;
import com.github.mustachejava.MustacheResolver;
import com.github.mustachejava.MustacheVisitor;
import java.io.IOException;
import java.io.Writer;

/** Compiles templates with the server's escaping, functions and parameter lookup. */
final class TemplateFactory extends DefaultMustacheFactory {
  private final Escaping escaping;

  TemplateFactory(Escaping escaping) {
    super((MustacheResolver) TemplateFactory::refuseToResolve);
    this.escaping = escaping;
    setObjectHandler(new ParameterHandler());
  }

  private static java.io.Reader refuseToResolve(String name) {
    throw new MustacheException("Cannot expand '" + name + "': there are no template files");
  }

  @Override
  public void encode(String value, Writer writer) {
    try {
      writer.write(escaping.apply(value));
    } catch (IOException e) {
      throw new MustacheException("Unable to encode value", e);
    }
  }

  @Override
  public MustacheVisitor createMustacheVisitor() {
    return new FunctionVisitor(this);
  }
}

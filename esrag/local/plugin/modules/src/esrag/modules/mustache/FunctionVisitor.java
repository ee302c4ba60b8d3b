package esrag.modules.mustache;

import com.github.mustachejava.DefaultMustacheFactory;
import com.github.mustachejava.DefaultMustacheVisitor;
import com.github.mustachejava.Mustache;
import com.github.mustachejava.MustacheException;
import com.github.mustachejava.TemplateContext;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Turns the sections {@code toJson}, {@code join} and {@code url} into functions. */
final class FunctionVisitor extends DefaultMustacheVisitor {
  private static final Pattern JOIN_WITH_DELIMITER =
      Pattern.compile("join\\s+delimiter='(.*)'", Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
  private static final String DEFAULT_DELIMITER = ",";

  FunctionVisitor(DefaultMustacheFactory factory) {
    super(factory);
  }

  @Override
  public void iterable(TemplateContext context, String variable, Mustache section) {
    Matcher join = JOIN_WITH_DELIMITER.matcher(variable);
    if (join.matches()) {
      list.add(new JoinFunction(context, df, section, variable, join.group(1)));
      return;
    }
    switch (variable.toLowerCase(Locale.ROOT)) {
      case "tojson" -> list.add(new ToJsonFunction(context, df, section, variable));
      case "join" -> list.add(new JoinFunction(context, df, section, variable, DEFAULT_DELIMITER));
      case "url" -> list.add(new UrlFunction(context, df, section, variable));
      default -> super.iterable(context, variable, section);
    }
  }

  /** There are no template files, so nothing a partial could name. */
  @Override
  public void partial(TemplateContext context, String variable, String indent) {
    throw new MustacheException(
        "Cannot expand '" + variable + "' because partial templates are not supported");
  }

  @Override
  public void dynamicPartial(TemplateContext context, String variable, String indent) {
    partial(context, variable, indent);
  }

  @Override
  public void extend(TemplateContext context, String variable, Mustache mustache) {
    partial(context, variable, "");
  }
}

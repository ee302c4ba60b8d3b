package esrag.modules.mustache;

import com.github.mustachejava.Mustache;
import com.github.mustachejava.MustacheException;
import java.io.StringReader;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.unit.ByteSizeUnit;
import org.elasticsearch.common.unit.ByteSizeValue;
import org.elasticsearch.common.unit.MemorySizeValue;
import org.elasticsearch.script.Script;
import org.elasticsearch.script.ScriptContext;
import org.elasticsearch.script.ScriptEngine;
import org.elasticsearch.script.ScriptException;
import org.elasticsearch.script.TemplateScript;

/**
 * The {@code mustache} script language, standing for the lang-mustache module: search templates and
 * the templates of ingest processors.
 */
public final class MustacheScriptEngine implements ScriptEngine {
  /** How much one template may write; the name and default of the real module. */
  public static final Setting<ByteSizeValue> MAX_OUTPUT =
      new Setting<>(
          "mustache.max_output_size_bytes",
          settings -> "1mb",
          value -> MemorySizeValue.parseBytesSizeValueOrHeapRatio(value, "mustache output"),
          Setting.Property.NodeScope);

  static final String NAME = "mustache";

  private final int maxOutputBytes;

  public MustacheScriptEngine(Settings settings) {
    long bytes = MAX_OUTPUT.get(settings).getBytes();
    maxOutputBytes = (int) Math.min(bytes, ByteSizeUnit.GB.toBytes(1));
  }

  @Override
  public String getType() {
    return NAME;
  }

  @Override
  public Set<ScriptContext<?>> getSupportedContexts() {
    return Set.of(TemplateScript.CONTEXT, TemplateScript.INGEST_CONTEXT);
  }

  @Override
  public <F> F compile(
      String name, String source, ScriptContext<F> context, Map<String, String> options) {
    Escaping escaping = Escaping.forMediaType(options.get(Script.CONTENT_TYPE_OPTION));
    Mustache mustache;
    try {
      mustache = new TemplateFactory(escaping).compile(new StringReader(source), "query-template");
    } catch (MustacheException e) {
      throw new ScriptException(e.getMessage(), e, List.of(), source, NAME);
    }
    TemplateScript.Factory factory =
        parameters -> new MustacheTemplate(mustache, parameters, maxOutputBytes);
    return context.factoryClazz.cast(factory);
  }
}

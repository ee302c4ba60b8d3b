package esrag.ml;

import java.net.URI;
import org.elasticsearch.common.settings.Setting;

/** The node settings of the plugin. */
public final class MlSettings {
  /** Where the ML node process listens. */
  public static final Setting<String> NODE_URL =
      Setting.simpleString(
          "esrag.mlnode.url",
          "http://127.0.0.1:9310",
          MlSettings::checkUrl,
          Setting.Property.NodeScope);

  private MlSettings() {}

  private static void checkUrl(String url) {
    String scheme = URI.create(url).getScheme();
    if ("http".equals(scheme) == false && "https".equals(scheme) == false) {
      throw new IllegalArgumentException(
          "[esrag.mlnode.url] must be an address such as [http://127.0.0.1:9310], was ["
              + url
              + "]");
    }
  }
}

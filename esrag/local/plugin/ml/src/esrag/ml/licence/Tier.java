package esrag.ml.licence;

import java.util.Locale;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.Setting;

/**
 * Which subscription the stack behaves like; the plugin of the modules owns the setting.
 *
 * <p>It only ever refuses more than the licence does.
 */
public final class Tier {
  private static final String PLATINUM = "platinum";

  /** The same key as the other plugin's setting, which is the registered one. */
  private static final Setting<String> SETTING =
      Setting.simpleString("esrag.tier", Setting.Property.NodeScope, Setting.Property.Dynamic);

  /** Retrievers are parsed without a reference to the node, as the licence state is asked. */
  private static volatile ClusterSettings settings;

  private Tier() {}

  /** Ask these settings from now on. */
  public static void readFrom(ClusterSettings clusterSettings) {
    settings = clusterSettings;
  }

  /** Whether features of the Enterprise tier are refused, whatever the licence says. */
  public static boolean refusesEnterprise() {
    ClusterSettings now = settings;
    return now != null && PLATINUM.equals(now.get(SETTING).toLowerCase(Locale.ROOT));
  }
}

package esrag.modules.licence;

import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.Setting;

/**
 * Which subscription the stack behaves like, within what its real licence allows.
 *
 * <p>It only ever refuses more than the licence does: under a trial, {@code platinum} refuses what
 * belongs to the Enterprise tier. A Basic licence is a real one and needs nothing from here.
 */
public enum Tier {
  PLATINUM,
  ENTERPRISE;

  public static final Setting<Tier> SETTING =
      Setting.enumSetting(
          Tier.class,
          "esrag.tier",
          ENTERPRISE,
          Setting.Property.NodeScope,
          Setting.Property.Dynamic);

  /** Retrievers are parsed without a reference to the node, as the licence state is asked. */
  private static volatile ClusterSettings settings;

  /** Ask these settings from now on. */
  public static void readFrom(ClusterSettings clusterSettings) {
    settings = clusterSettings;
  }

  /** Whether features of the Enterprise tier are refused, whatever the licence says. */
  public static boolean refusesEnterprise() {
    ClusterSettings now = settings;
    return now != null && now.get(SETTING) == PLATINUM;
  }
}

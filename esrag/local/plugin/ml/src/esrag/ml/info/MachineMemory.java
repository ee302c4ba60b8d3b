package esrag.ml.info;

import org.elasticsearch.common.unit.ByteSizeValue;
import org.elasticsearch.monitor.os.OsProbe;

/** The machine's memory, and the share that the server gives to machine learning by default. */
public final class MachineMemory {
  private static final int PERCENT = 30;

  private MachineMemory() {}

  /** All of it. */
  public static ByteSizeValue total() {
    return ByteSizeValue.ofBytes(OsProbe.getInstance().getTotalPhysicalMemorySize());
  }

  /** Three tenths of it, in whole megabytes. */
  public static ByteSizeValue share() {
    return ByteSizeValue.ofMb(ByteSizeValue.ofBytes(total().getBytes() / 100 * PERCENT).getMb());
  }
}

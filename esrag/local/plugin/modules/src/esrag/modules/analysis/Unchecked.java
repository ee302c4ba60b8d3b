package esrag.modules.analysis;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.elasticsearch.core.CheckedSupplier;

/** Runs what builds a table in memory and declares an IOException that cannot happen there. */
final class Unchecked {
  private Unchecked() {}

  static <T> T io(CheckedSupplier<T, IOException> work) {
    try {
      return work.get();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

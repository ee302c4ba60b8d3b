package esrag.modules.ingest;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.ZonedDateTime;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Feeds a document's values into a hash: each leaf after a zero byte, object keys in order and
 * themselves fed like leaves, numbers as little-endian bytes of their width.
 */
final class ValueHash {
  private static final byte[] DELIMITER = {0};
  private static final byte[] TRUE = {1};
  private static final byte[] FALSE = {2};

  private final HashMethod.Running hash;

  ValueHash(HashMethod.Running hash, byte[] salt) {
    this.hash = hash;
    hash.feed().accept(salt);
  }

  byte[] digest() {
    return hash.digest().get();
  }

  void add(Object value) {
    switch (value) {
      case List<?> list -> list.forEach(this::add);
      case Set<?> set -> set.stream().sorted().forEach(this::add);
      case Map<?, ?> map -> map.keySet().stream().sorted().forEach(key -> addEntry(map, key));
      case null -> leaf(new byte[0]);
      default -> leaf(bytes(value));
    }
  }

  private void addEntry(Map<?, ?> map, Object key) {
    leaf(bytes(key));
    add(map.get(key));
  }

  private void leaf(byte[] bytes) {
    hash.feed().accept(DELIMITER);
    hash.feed().accept(bytes);
  }

  private static byte[] bytes(Object value) {
    return switch (value) {
      case String text -> text.getBytes(StandardCharsets.UTF_8);
      case byte[] bytes -> bytes;
      case Integer number -> buffer(Integer.BYTES).putInt(number).array();
      case Long number -> buffer(Long.BYTES).putLong(number).array();
      case Float number -> buffer(Float.BYTES).putFloat(number).array();
      case Double number -> buffer(Double.BYTES).putDouble(number).array();
      case Boolean flag -> flag ? TRUE : FALSE;
      case ZonedDateTime time -> bytes(time);
      case Date date -> buffer(Long.BYTES).putLong(date.getTime()).array();
      default ->
          throw new IllegalArgumentException(
              "cannot convert object of type [" + value.getClass().getName() + "] to bytes");
    };
  }

  private static byte[] bytes(ZonedDateTime time) {
    byte[] zone = time.getZone().getId().getBytes(StandardCharsets.UTF_8);
    return buffer(8 * Integer.BYTES + zone.length)
        .putInt(time.getYear())
        .putInt(time.getMonthValue())
        .putInt(time.getDayOfMonth())
        .putInt(time.getHour())
        .putInt(time.getMinute())
        .putInt(time.getSecond())
        .putInt(time.getNano())
        .putInt(time.getOffset().getTotalSeconds())
        .put(zone)
        .array();
  }

  private static ByteBuffer buffer(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}

package esrag.ml.service;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts the bytes of a server-sent event stream into the data of its events. Comment lines and
 * fields other than {@code data} are passed over; bytes may be cut anywhere.
 */
final class EventLines {
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private final StringBuilder data = new StringBuilder();

  /** The data of the events that end in these bytes. */
  List<String> add(List<ByteBuffer> buffers) {
    List<String> events = new ArrayList<>();
    for (ByteBuffer buffer : buffers) {
      while (buffer.hasRemaining()) {
        byte next = buffer.get();
        if (next == '\n') {
          endLine(events);
        } else if (next != '\r') {
          line.write(next);
        }
      }
    }
    return events;
  }

  private void endLine(List<String> events) {
    String text = line.toString(StandardCharsets.UTF_8);
    line.reset();
    if (text.isEmpty()) {
      if (data.isEmpty() == false) {
        events.add(data.toString());
        data.setLength(0);
      }
    } else if (text.startsWith("data:")) {
      String value = text.substring("data:".length());
      if (data.isEmpty() == false) {
        data.append('\n');
      }
      data.append(value.startsWith(" ") ? value.substring(1) : value);
    }
  }
}

package esrag.ml.rest;

import java.io.IOException;
import java.util.function.Consumer;
import org.apache.lucene.util.BytesRef;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.common.bytes.ReleasableBytesReference;
import org.elasticsearch.common.recycler.Recycler;
import org.elasticsearch.rest.ChunkedRestResponseBodyPart;

/** One server-sent event as a part of a response, and how to get the next. */
final class EventPart implements ChunkedRestResponseBodyPart {
  static final String CONTENT_TYPE = "text/event-stream";

  private final BytesReference bytes;
  private final Consumer<ActionListener<ChunkedRestResponseBodyPart>> next;
  private boolean written;

  /**
   * @param bytes the event
   * @param next asks for the event after this, null when there is none
   */
  EventPart(BytesReference bytes, Consumer<ActionListener<ChunkedRestResponseBodyPart>> next) {
    this.bytes = bytes;
    this.next = next;
  }

  @Override
  public boolean isPartComplete() {
    return written;
  }

  @Override
  public boolean isLastPart() {
    return next == null;
  }

  @Override
  public void getNextPart(ActionListener<ChunkedRestResponseBodyPart> listener) {
    next.accept(listener);
  }

  @Override
  public ReleasableBytesReference encodeChunk(int sizeHint, Recycler<BytesRef> recycler)
      throws IOException {
    written = true;
    return ReleasableBytesReference.wrap(bytes);
  }

  @Override
  public String getResponseContentTypeString() {
    return CONTENT_TYPE;
  }
}

package esrag.oracle;

import java.io.IOException;
import java.io.InputStream;
import java.util.Iterator;
import org.elasticsearch.ElasticsearchException;
import org.elasticsearch.ExceptionsHelper;
import org.elasticsearch.common.Strings;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.common.xcontent.ChunkedToXContent;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xcontent.XContentType;
import org.elasticsearch.xpack.core.inference.results.XContentFormattedException;

/** Writes what x-pack-core writes. */
final class Json {
  private Json() {}

  static String text(ToXContent content) throws IOException {
    try (XContentBuilder json = builder()) {
      if (content.isFragment()) {
        json.startObject();
      }
      content.toXContent(json, ToXContent.EMPTY_PARAMS);
      if (content.isFragment()) {
        json.endObject();
      }
      return Strings.toString(json);
    }
  }

  /** As the body of an answer: what is no object by itself is made one. */
  static String body(ChunkedToXContent content) throws IOException {
    return written(content, content.isFragment());
  }

  /** As the data of an event, which are an object already. */
  static String text(ChunkedToXContent content) throws IOException {
    return written(content, false);
  }

  private static String written(ChunkedToXContent content, boolean wrap) throws IOException {
    try (XContentBuilder json = builder()) {
      if (wrap) {
        json.startObject();
      }
      Iterator<? extends ToXContent> chunks = content.toXContentChunked(ToXContent.EMPTY_PARAMS);
      while (chunks.hasNext()) {
        chunks.next().toXContent(json, ToXContent.EMPTY_PARAMS);
      }
      if (wrap) {
        json.endObject();
      }
      return Strings.toString(json);
    }
  }

  /** An answer as it is: most are JSON, a few are plain text and come as a JSON string. */
  static XContentBuilder raw(BytesReference content) throws IOException {
    XContentBuilder json = builder();
    byte[] bytes = BytesReference.toBytes(content);
    if (bytes.length > 0 && bytes[0] == '{') {
      try (InputStream stream = content.streamInput()) {
        return json.copyCurrentStructure(
            XContentType.JSON.xContent().createParser(XContentParserConfiguration.EMPTY, stream));
      }
    }
    return json.value(content.utf8ToString());
  }

  /** What the data of an event says about a failure. */
  static BytesReference event(Exception failure, ToXContent.Params params) throws IOException {
    if (ExceptionsHelper.unwrapCause(failure) instanceof XContentFormattedException formatted) {
      return new BytesArray(text((ChunkedToXContent) formatted));
    }
    try (XContentBuilder json = builder().startObject()) {
      ElasticsearchException.generateFailureXContent(json, params, failure, true);
      json.field("status", ExceptionsHelper.status(failure).getStatus()).endObject();
      return BytesReference.bytes(json);
    }
  }

  static XContentBuilder builder() throws IOException {
    return XContentBuilder.builder(XContentType.JSON.xContent());
  }
}

package esrag.modules.template;

import java.io.IOException;
import java.io.InputStream;
import java.util.Iterator;
import org.elasticsearch.action.ActionResponse;
import org.elasticsearch.action.search.SearchResponse;
import org.elasticsearch.action.support.TransportAction;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.common.collect.Iterators;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.common.xcontent.ChunkedToXContentObject;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentParseException;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xcontent.XContentType;

/** What a search template gave: the search's response, or the rendered text alone. */
final class SearchTemplateResponse extends ActionResponse implements ChunkedToXContentObject {
  private final SearchResponse response;
  private final BytesReference rendered;

  private SearchTemplateResponse(SearchResponse response, BytesReference rendered) {
    this.response = response;
    this.rendered = rendered;
  }

  /** Keeps the search's response alive as long as this one is. */
  static SearchTemplateResponse of(SearchResponse response) {
    response.mustIncRef();
    return new SearchTemplateResponse(response, null);
  }

  /** The text goes out as it is, so what is no JSON is an error here and not a broken answer. */
  static SearchTemplateResponse rendered(String text) throws IOException {
    try (XContentParser parser =
        XContentType.JSON.xContent().createParser(XContentParserConfiguration.EMPTY, text)) {
      XContentParser.Token token = parser.nextToken();
      if (token == null) {
        throw new XContentParseException(parser.getTokenLocation(), "the template gave nothing");
      }
      while (token != null) {
        token = parser.nextToken();
      }
    }
    return new SearchTemplateResponse(null, new BytesArray(text));
  }

  RestStatus status() {
    return response == null ? RestStatus.OK : response.status();
  }

  @Override
  public Iterator<? extends ToXContent> toXContentChunked(ToXContent.Params params) {
    if (response != null) {
      return response.toXContentChunked(params);
    }
    return Iterators.<ToXContent>single(
        (builder, inner) -> {
          try (InputStream json = rendered.streamInput()) {
            builder.startObject().rawField("template_output", json, XContentType.JSON);
          }
          return builder.endObject();
        });
  }

  @Override
  public void incRef() {
    if (response != null) {
      response.incRef();
    }
  }

  @Override
  public boolean tryIncRef() {
    return response == null || response.tryIncRef();
  }

  @Override
  public boolean decRef() {
    return response != null && response.decRef();
  }

  @Override
  public boolean hasReferences() {
    return response == null || response.hasReferences();
  }

  @Override
  public void writeTo(StreamOutput out) {
    TransportAction.localOnly();
  }
}

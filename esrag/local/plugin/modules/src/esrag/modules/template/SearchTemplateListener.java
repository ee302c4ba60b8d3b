package esrag.modules.template;

import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.action.RestRefCountedChunkedToXContentListener;

/** Streams a template's response to the client with the search's own status. */
final class SearchTemplateListener
    extends RestRefCountedChunkedToXContentListener<SearchTemplateResponse> {

  SearchTemplateListener(RestChannel channel) {
    super(channel);
  }

  @Override
  protected RestStatus getRestStatus(SearchTemplateResponse response) {
    return response.status();
  }
}

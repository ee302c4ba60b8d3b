package esrag.modules.reindex;

import java.util.Map;
import java.util.stream.Stream;
import org.elasticsearch.action.bulk.BulkItemResponse;
import org.elasticsearch.index.reindex.BulkByPaginatedSearchResponse;
import org.elasticsearch.index.reindex.PaginatedSearchFailure;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.action.RestBuilderListener;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentBuilder;

/** Answers with the counts of a run, under the worst status of its failures. */
final class PagedResponseListener extends RestBuilderListener<BulkByPaginatedSearchResponse> {
  private final Map<String, String> params;

  PagedResponseListener(RestChannel channel, Map<String, String> params) {
    super(channel);
    this.params = params;
  }

  @Override
  public RestResponse buildResponse(BulkByPaginatedSearchResponse response, XContentBuilder builder)
      throws Exception {
    builder.startObject();
    response.toXContent(builder, new ToXContent.DelegatingMapParams(params, channel.request()));
    builder.endObject();
    return new RestResponse(status(response), builder);
  }

  private static RestStatus status(BulkByPaginatedSearchResponse response) {
    RestStatus start = response.isTimedOut() ? RestStatus.REQUEST_TIMEOUT : RestStatus.OK;
    return Stream.concat(
            response.getBulkFailures().stream().map(BulkItemResponse.Failure::getStatus),
            response.getSearchFailures().stream().map(PaginatedSearchFailure::getStatus))
        .reduce(start, (worst, next) -> next.getStatus() > worst.getStatus() ? next : worst);
  }
}

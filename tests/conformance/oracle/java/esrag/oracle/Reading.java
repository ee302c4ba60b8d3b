package esrag.oracle;

import org.elasticsearch.action.ActionRequest;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.xcontent.ToXContent;

/** How a REST call becomes a request of x-pack-core; what it refuses, it throws. */
interface Reading {
  Accepted read(RestRequest request) throws Exception;

  /**
   * What was read.
   *
   * @param request asked for its validation before anything is done with it; or null
   * @param rendering what is shown of it
   */
  record Accepted(ActionRequest request, ToXContent rendering) {}
}

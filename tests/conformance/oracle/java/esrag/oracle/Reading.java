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
   * @param later what is read behind the REST layer, or null
   */
  record Accepted(ActionRequest request, ToXContent rendering, Later later) {
    Accepted(ActionRequest request, ToXContent rendering) {
      this(request, rendering, null);
    }
  }

  /** What an action reads of the body itself: another request, or null. */
  interface Later {
    ActionRequest read() throws Exception;
  }
}

package esrag.ml.rest;

import static org.elasticsearch.rest.RestRequest.Method.GET;

import java.util.List;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestHandler.Route;
import org.elasticsearch.rest.RestUtils;
import org.elasticsearch.rest.action.RestActions;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.xpack.core.ml.action.MlInfoAction;
import org.elasticsearch.xpack.core.ml.action.MlMemoryAction;

/** Routes that tell what machine learning there is. */
public final class InfoRoutes {
  private InfoRoutes() {}

  /** All of them. */
  public static List<RestHandler> all() {
    return List.of(info(), memory(), new CatTrainedModels());
  }

  private static RestHandler info() {
    return new Handler(
        "esrag_ml_info",
        List.of(new Route(GET, "/_ml/info")),
        (request, client) ->
            channel ->
                client.execute(
                    MlInfoAction.INSTANCE,
                    new MlInfoAction.Request(),
                    new RestToXContentListener<>(channel)));
  }

  private static RestHandler memory() {
    return new Handler(
        "esrag_ml_memory",
        List.of(
            new Route(GET, "/_ml/memory/_stats"), new Route(GET, "/_ml/memory/{nodeId}/_stats")),
        (request, client) -> {
          MlMemoryAction.Request wish = new MlMemoryAction.Request(request.param("nodeId", "_all"));
          wish.masterNodeTimeout(RestUtils.getMasterNodeTimeout(request));
          wish.ackTimeout(RestUtils.getAckTimeout(request));
          return channel ->
              client.execute(
                  MlMemoryAction.INSTANCE,
                  wish,
                  new RestActions.NodesResponseRestListener<>(channel));
        });
  }
}

package esrag.ml.rest;

import static org.elasticsearch.rest.RestRequest.Method.GET;

import java.util.List;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestHandler.Route;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.xpack.core.ml.action.MlInfoAction;

/** Routes that tell what machine learning there is. */
public final class InfoRoutes {
  private InfoRoutes() {}

  /** All of them. */
  public static List<RestHandler> all() {
    return List.of(info(), new CatTrainedModels());
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
}

package esrag.ml.rest;

import static org.elasticsearch.rest.RestRequest.Method.DELETE;
import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.PUT;

import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.action.support.master.AcknowledgedRequest;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestHandler.Route;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.RestUtils;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xpack.core.action.AbstractGetResourcesRequest;
import org.elasticsearch.xpack.core.action.util.PageParams;
import org.elasticsearch.xpack.core.ml.action.DeleteTrainedModelAction;
import org.elasticsearch.xpack.core.ml.action.DeleteTrainedModelAliasAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsStatsAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelAliasAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelDefinitionPartAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelVocabularyAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;
import org.elasticsearch.xpack.core.ml.utils.ToXContentParams;

/** Routes under {@code _ml/trained_models} that store, list and delete models. */
public final class TrainedModelRoutes {
  static final String MODELS = "/_ml/trained_models";
  static final String MODEL = MODELS + "/{model_id}";
  private static final String ALIAS = MODEL + "/model_aliases/{model_alias}";
  private static final String ID = "model_id";
  private static final String ALLOW_NO_MATCH = "allow_no_match";

  private TrainedModelRoutes() {}

  /** All of them. */
  public static List<RestHandler> all() {
    return List.of(
        put(), part(), vocabulary(), get(), stats(), delete(), putAlias(), deleteAlias());
  }

  private static RestHandler put() {
    return new Handler(
        "esrag_put_trained_model",
        List.of(new Route(PUT, MODEL)),
        (request, client) -> {
          String id = request.param(ID);
          boolean defer =
              request.paramAsBoolean(PutTrainedModelAction.DEFER_DEFINITION_DECOMPRESSION, false);
          boolean wait = request.paramAsBoolean("wait_for_completion", false);
          PutTrainedModelAction.Request put;
          try (XContentParser parser = request.contentParser()) {
            put = PutTrainedModelAction.Request.parseRequest(id, defer, wait, parser);
          }
          timeouts(put, request);
          return channel ->
              client.execute(
                  PutTrainedModelAction.INSTANCE, put, new RestToXContentListener<>(channel));
        });
  }

  private static RestHandler part() {
    return new Handler(
        "esrag_put_trained_model_definition_part",
        List.of(new Route(PUT, MODEL + "/definition/{part}")),
        (request, client) -> {
          String id = request.param(ID);
          int part = request.paramAsInt("part", 0);
          PutTrainedModelDefinitionPartAction.Request put;
          try (XContentParser parser = request.contentParser()) {
            put = PutTrainedModelDefinitionPartAction.Request.parseRequest(id, part, parser);
          }
          timeouts(put, request);
          return channel ->
              client.execute(
                  PutTrainedModelDefinitionPartAction.INSTANCE,
                  put,
                  new RestToXContentListener<>(channel));
        });
  }

  private static RestHandler vocabulary() {
    return new Handler(
        "esrag_put_trained_model_vocabulary",
        List.of(new Route(PUT, MODEL + "/vocabulary")),
        (request, client) -> {
          String id = request.param(ID);
          PutTrainedModelVocabularyAction.Request put;
          try (XContentParser parser = request.contentParser()) {
            put = PutTrainedModelVocabularyAction.Request.parseRequest(id, parser);
          }
          timeouts(put, request);
          return channel ->
              client.execute(
                  PutTrainedModelVocabularyAction.INSTANCE,
                  put,
                  new RestToXContentListener<>(channel));
        });
  }

  private static RestHandler get() {
    return new Handler(
        "esrag_get_trained_models",
        List.of(new Route(GET, MODELS), new Route(GET, MODEL)),
        Set.of(TrainedModelConfig.DECOMPRESS_DEFINITION, ToXContentParams.EXCLUDE_GENERATED),
        (request, client) -> {
          String id = request.param(ID, "_all");
          List<String> tags = Arrays.asList(request.paramAsStringArray("tags", new String[0]));
          Set<String> includes =
              new HashSet<>(
                  Arrays.asList(
                      request.paramAsStringArray(
                          GetTrainedModelsAction.Request.INCLUDE.getPreferredName(),
                          new String[0])));
          GetTrainedModelsAction.Request get =
              new GetTrainedModelsAction.Request(id, tags, includes);
          selection(get, request);
          return channel ->
              client.execute(
                  GetTrainedModelsAction.INSTANCE, get, new ModelsListener(channel, includes));
        });
  }

  private static RestHandler stats() {
    return new Handler(
        "esrag_get_trained_models_stats",
        List.of(new Route(GET, MODELS + "/_stats"), new Route(GET, MODEL + "/_stats")),
        (request, client) -> {
          GetTrainedModelsStatsAction.Request get =
              new GetTrainedModelsStatsAction.Request(request.param(ID, "_all"));
          selection(get, request);
          return channel ->
              client.execute(
                  GetTrainedModelsStatsAction.INSTANCE, get, new RestToXContentListener<>(channel));
        });
  }

  private static RestHandler delete() {
    return new Handler(
        "esrag_delete_trained_model",
        List.of(new Route(DELETE, MODEL)),
        (request, client) -> {
          DeleteTrainedModelAction.Request delete =
              new DeleteTrainedModelAction.Request(request.param(ID));
          delete.setForce(request.paramAsBoolean("force", false));
          timeouts(delete, request);
          return channel ->
              client.execute(
                  DeleteTrainedModelAction.INSTANCE, delete, new RestToXContentListener<>(channel));
        });
  }

  private static RestHandler putAlias() {
    return new Handler(
        "esrag_put_trained_model_alias",
        List.of(new Route(PUT, ALIAS)),
        (request, client) -> {
          PutTrainedModelAliasAction.Request put =
              new PutTrainedModelAliasAction.Request(
                  request.param("model_alias"),
                  request.param(ID),
                  request.paramAsBoolean(PutTrainedModelAliasAction.Request.REASSIGN, false));
          timeouts(put, request);
          return channel ->
              client.execute(
                  PutTrainedModelAliasAction.INSTANCE, put, new RestToXContentListener<>(channel));
        });
  }

  private static RestHandler deleteAlias() {
    return new Handler(
        "esrag_delete_trained_model_alias",
        List.of(new Route(DELETE, ALIAS)),
        (request, client) -> {
          DeleteTrainedModelAliasAction.Request delete =
              new DeleteTrainedModelAliasAction.Request(
                  request.param("model_alias"), request.param(ID));
          timeouts(delete, request);
          return channel ->
              client.execute(
                  DeleteTrainedModelAliasAction.INSTANCE,
                  delete,
                  new RestToXContentListener<>(channel));
        });
  }

  private static void selection(AbstractGetResourcesRequest get, RestRequest request) {
    get.setPageParams(
        new PageParams(
            request.paramAsInt("from", PageParams.DEFAULT_FROM),
            request.paramAsInt("size", PageParams.DEFAULT_SIZE)));
    get.setAllowNoResources(request.paramAsBoolean(ALLOW_NO_MATCH, true));
  }

  private static void timeouts(AcknowledgedRequest<?> action, RestRequest request) {
    action.ackTimeout(RestUtils.getAckTimeout(request));
    action.masterNodeTimeout(RestUtils.getMasterNodeTimeout(request));
  }

  /** Writes models with the parts that were asked for; the models' own writer looks for them. */
  private static final class ModelsListener
      extends RestToXContentListener<GetTrainedModelsAction.Response> {
    private final Map<String, String> params = new HashMap<>();

    ModelsListener(RestChannel channel, Set<String> includes) {
      super(channel);
      params.put(TrainedModelConfig.DECOMPRESS_DEFINITION, "true");
      includes.forEach(include -> params.put(include, "true"));
    }

    @Override
    public RestResponse buildResponse(
        GetTrainedModelsAction.Response response, XContentBuilder builder) throws IOException {
      ToXContent.Params asked = new ToXContent.DelegatingMapParams(params, channel.request());
      response.toXContent(builder, asked);
      return new RestResponse(RestStatus.OK, builder);
    }
  }
}

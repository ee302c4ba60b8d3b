package esrag.oracle;

import java.time.Instant;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xpack.core.action.AbstractGetResourcesRequest;
import org.elasticsearch.xpack.core.action.util.PageParams;
import org.elasticsearch.xpack.core.ml.MlConfigVersion;
import org.elasticsearch.xpack.core.ml.action.DeleteTrainedModelAction;
import org.elasticsearch.xpack.core.ml.action.DeleteTrainedModelAliasAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsStatsAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelAliasAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelDefinitionPartAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelVocabularyAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.IndexLocation;

/** Calls under {@code _ml/trained_models} that store and list models. */
final class ModelCalls {
  private static final String ID = "model_id";
  private static final ToXContent NOTHING = (json, params) -> json;

  private ModelCalls() {}

  static Map<String, Reading> all() {
    return Map.of(
        "delete_trained_model", ModelCalls::delete,
        "get_trained_models_stats", ModelCalls::stats,
        "put_trained_model", ModelCalls::put,
        "put_definition_part", ModelCalls::part,
        "put_vocabulary", ModelCalls::vocabulary,
        "put_model_alias", ModelCalls::putAlias,
        "delete_model_alias", ModelCalls::deleteAlias,
        "get_trained_models", ModelCalls::get);
  }

  private static Reading.Accepted put(RestRequest rest) throws Exception {
    PutTrainedModelAction.Request request;
    try (XContentParser parser = rest.contentParser()) {
      request =
          PutTrainedModelAction.Request.parseRequest(
              rest.param(ID),
              rest.paramAsBoolean(PutTrainedModelAction.DEFER_DEFINITION_DECOMPRESSION, false),
              rest.paramAsBoolean("wait_for_completion", false),
              parser);
    }
    return new Reading.Accepted(request, stored(request.getTrainedModelConfig()));
  }

  /** The config with what the server adds when it stores it. */
  private static ToXContent stored(TrainedModelConfig config) {
    TrainedModelConfig.Builder builder =
        new TrainedModelConfig.Builder(config)
            .setCreatedBy("api_user")
            .setCreateTime(Instant.EPOCH)
            .setVersion(MlConfigVersion.CURRENT);
    if (config.getLocation() == null) {
      builder.setLocation(new IndexLocation(".ml-inference-native-000002"));
    }
    return builder.build();
  }

  private static Reading.Accepted part(RestRequest rest) throws Exception {
    String id = rest.param(ID);
    int part = rest.paramAsInt("part", -1);
    try (XContentParser parser = rest.contentParser()) {
      return new Reading.Accepted(
          PutTrainedModelDefinitionPartAction.Request.parseRequest(id, part, parser), NOTHING);
    }
  }

  private static Reading.Accepted vocabulary(RestRequest rest) throws Exception {
    try (XContentParser parser = rest.contentParser()) {
      return new Reading.Accepted(
          PutTrainedModelVocabularyAction.Request.parseRequest(rest.param(ID), parser), NOTHING);
    }
  }

  private static Reading.Accepted putAlias(RestRequest rest) {
    return new Reading.Accepted(
        new PutTrainedModelAliasAction.Request(
            rest.param("model_alias"), rest.param(ID), rest.paramAsBoolean("reassign", false)),
        NOTHING);
  }

  private static Reading.Accepted deleteAlias(RestRequest rest) {
    return new Reading.Accepted(
        new DeleteTrainedModelAliasAction.Request(rest.param("model_alias"), rest.param(ID)),
        NOTHING);
  }

  private static Reading.Accepted get(RestRequest rest) {
    String id = rest.param(ID, "_all");
    List<String> tags = Arrays.asList(rest.paramAsStringArray("tags", new String[0]));
    Set<String> include =
        new HashSet<>(Arrays.asList(rest.paramAsStringArray("include", new String[0])));
    GetTrainedModelsAction.Request request = new GetTrainedModelsAction.Request(id, tags, include);
    select(request, rest);
    rest.param("decompress_definition");
    rest.param("exclude_generated");
    return new Reading.Accepted(request, NOTHING);
  }

  private static Reading.Accepted stats(RestRequest rest) {
    GetTrainedModelsStatsAction.Request request =
        new GetTrainedModelsStatsAction.Request(rest.param(ID, "_all"));
    select(request, rest);
    return new Reading.Accepted(request, NOTHING);
  }

  private static void select(AbstractGetResourcesRequest request, RestRequest rest) {
    if (rest.hasParam("from") || rest.hasParam("size")) {
      request.setPageParams(
          new PageParams(
              rest.paramAsInt("from", PageParams.DEFAULT_FROM),
              rest.paramAsInt("size", PageParams.DEFAULT_SIZE)));
    }
    request.setAllowNoResources(rest.paramAsBoolean("allow_no_match", true));
  }

  private static Reading.Accepted delete(RestRequest rest) {
    DeleteTrainedModelAction.Request request = new DeleteTrainedModelAction.Request(rest.param(ID));
    request.setForce(rest.paramAsBoolean("force", false));
    request.ackTimeout(rest.paramAsTime("timeout", request.ackTimeout()));
    return new Reading.Accepted(request, NOTHING);
  }
}

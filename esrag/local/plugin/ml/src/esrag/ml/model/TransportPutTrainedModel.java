package esrag.ml.model;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.node.Catalogue;
import java.io.IOException;
import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import org.elasticsearch.ResourceAlreadyExistsException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;
import org.elasticsearch.xpack.core.ml.MlConfigVersion;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelType;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.IndexLocation;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;
import org.elasticsearch.xpack.core.ml.utils.ToXContentParams;

/**
 * Stores the config of a trained model. The request has been read and checked by x-pack-core; what
 * is checked here is what needs the other models: ids, tags and deployments must not meet.
 */
public final class TransportPutTrainedModel
    extends MlTransportAction<PutTrainedModelAction.Request, PutTrainedModelAction.Response> {
  private static final String NATIVE_INDEX = ".ml-inference-native-000002";
  private static final ToXContent.Params STORED =
      new ToXContent.MapParams(Map.of(ToXContentParams.FOR_INTERNAL_STORAGE, "true"));

  @Inject
  public TransportPutTrainedModel(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(PutTrainedModelAction.NAME, Licences.Need.MACHINE_LEARNING, transport, filters, services);
  }

  @Override
  protected void answer(
      PutTrainedModelAction.Request request,
      ActionListener<PutTrainedModelAction.Response> listener) {
    TrainedModelConfig config = request.getTrainedModelConfig();
    if (config.getModelType() != TrainedModelType.PYTORCH) {
      throw ExceptionsHelper.badRequestException(
          "model [{}] of type [{}] cannot be stored: the local stack keeps PyTorch models only",
          config.getModelId(),
          Objects.requireNonNullElse(config.getModelType(), TrainedModelType.TREE_ENSEMBLE));
    }
    services()
        .node()
        .catalogue(
            listener.delegateFailureAndWrap(
                (next, catalogue) -> {
                  check(config, catalogue);
                  store(completed(config), next);
                }));
  }

  /** In the server's order: aliases, deployments, tags, and last the ids of models. */
  private static void check(TrainedModelConfig config, Catalogue catalogue) {
    String id = config.getModelId();
    if (catalogue.aliases().containsKey(id)) {
      throw ExceptionsHelper.badRequestException(
          "requested model_id [{}] is the same as an existing model_alias. Model model_aliases and"
              + " ids must be unique",
          id);
    }
    if (catalogue.deployment(id).isPresent()) {
      throw ExceptionsHelper.badRequestException(
          "Cannot create model [{}] the id is the same as an current model deployment", id);
    }
    if (catalogue.models().stream().anyMatch(model -> model.tags().contains(id))) {
      throw ExceptionsHelper.badRequestException(
          Messages.getMessage(Messages.INFERENCE_MODEL_ID_AND_TAGS_UNIQUE, id));
    }
    if (config.getTags().stream().anyMatch(tag -> catalogue.model(tag).isPresent())) {
      throw ExceptionsHelper.badRequestException(
          Messages.getMessage(Messages.INFERENCE_TAGS_AND_MODEL_IDS_UNIQUE, config.getTags()));
    }
    if (catalogue.model(id).isPresent()) {
      throw alreadyExists(id);
    }
  }

  private static ResourceAlreadyExistsException alreadyExists(String id) {
    return new ResourceAlreadyExistsException(
        Messages.getMessage(Messages.INFERENCE_TRAINED_MODEL_EXISTS, id));
  }

  private static TrainedModelConfig completed(TrainedModelConfig config) {
    TrainedModelConfig.Builder builder =
        new TrainedModelConfig.Builder(config)
            .setCreatedBy("api_user")
            .setCreateTime(Instant.now())
            .setVersion(MlConfigVersion.CURRENT);
    if (config.getLocation() == null) {
      builder.setLocation(new IndexLocation(NATIVE_INDEX));
    }
    return builder.build();
  }

  private void store(
      TrainedModelConfig config, ActionListener<PutTrainedModelAction.Response> listener)
      throws IOException {
    BytesReference json;
    try (XContentBuilder builder = XContentBuilder.builder(XContentType.JSON.xContent())) {
      config.toXContent(builder, STORED);
      json = BytesReference.bytes(builder);
    }
    ActionListener<Void> stored =
        listener.map(
            ignored -> {
              services().targets().forget();
              return new PutTrainedModelAction.Response(config);
            });
    services()
        .node()
        .putModel(
            config.getModelId(),
            json,
            stored.delegateResponse(
                (next, failure) ->
                    next.onFailure(
                        ModelErrors.is(failure, "already_exists")
                            ? alreadyExists(config.getModelId())
                            : failure)));
  }
}

package esrag.ml.model;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.node.Catalogue;
import esrag.ml.node.Deployment;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.common.logging.HeaderWarning;
import org.elasticsearch.common.util.set.Sets;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelAliasAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/** Gives a model another name, or moves a name to another model that can stand in for the first. */
public final class TransportPutAlias
    extends MlTransportAction<PutTrainedModelAliasAction.Request, AcknowledgedResponse> {

  @Inject
  public TransportPutAlias(TransportService transport, ActionFilters filters, MlServices services) {
    super(PutTrainedModelAliasAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      PutTrainedModelAliasAction.Request request, ActionListener<AcknowledgedResponse> listener) {
    services()
        .node()
        .catalogue(
            listener.delegateFailureAndWrap(
                (next, catalogue) -> {
                  check(request, catalogue);
                  services()
                      .node()
                      .putAlias(
                          request.getModelAlias(),
                          request.getModelId(),
                          next.map(
                              none -> {
                                services().targets().forget();
                                return AcknowledgedResponse.TRUE;
                              }));
                }));
  }

  private void check(PutTrainedModelAliasAction.Request request, Catalogue catalogue)
      throws Exception {
    String alias = request.getModelAlias();
    String oldId = catalogue.aliases().get(alias);
    if (oldId != null && request.isReassign() == false) {
      throw ExceptionsHelper.badRequestException(
          "cannot assign model_alias [{}] to model_id [{}] as model_alias already refers to [{}]."
              + " Set parameter [reassign] to [true] if model_alias should be reassigned.",
          alias,
          request.getModelId(),
          oldId);
    }
    if (catalogue.model(alias).isPresent()) {
      throw ExceptionsHelper.badRequestException(
          "model_alias cannot be the same as an existing trained model_id");
    }
    TrainedModelConfig newModel = config(request.getModelId(), catalogue);
    if (newModel == null) {
      throw ExceptionsHelper.missingTrainedModel(request.getModelId());
    }
    // The licence is asked here and not before: what is wrong with the request comes first.
    Exception refusal = services().licences().refusal(Licences.Need.MACHINE_LEARNING);
    if (refusal != null) {
      throw refusal;
    }
    // An alias may always leave a model that has been deleted.
    TrainedModelConfig oldModel = oldId == null ? null : config(oldId, catalogue);
    if (oldModel != null) {
      checkLikeness(alias, oldModel, newModel);
      checkDeployments(alias, oldId, request.getModelId(), catalogue);
      warnOfOtherInputs(oldModel, newModel);
    }
  }

  private TrainedModelConfig config(String id, Catalogue catalogue) {
    return catalogue
        .model(id)
        .map(model -> model.parse(services().registry()).build())
        .orElse(null);
  }

  private static void checkLikeness(
      String alias, TrainedModelConfig oldModel, TrainedModelConfig newModel) {
    String oldTask = oldModel.getInferenceConfig().getName();
    String newTask = newModel.getInferenceConfig().getName();
    if (newTask.equals(oldTask) == false) {
      throw ExceptionsHelper.badRequestException(
          "cannot reassign model_alias [{}] to model [{}] with inference config type [{}] from"
              + " model [{}] with type [{}]",
          alias,
          newModel.getModelId(),
          newTask,
          oldModel.getModelId(),
          oldTask);
    }
  }

  /** A name that works now must work after the change. */
  private static void checkDeployments(
      String alias, String oldId, String newId, Catalogue catalogue) {
    List<Deployment> old = catalogue.deploymentsOf(oldId);
    List<Deployment> other = catalogue.deploymentsOf(newId);
    if (old.isEmpty()) {
      return;
    }
    if (other.isEmpty()) {
      throw ExceptionsHelper.badRequestException(
          "cannot reassign model_alias [{}] to model [{}] from model [{}] as it is not yet"
              + " deployed",
          alias,
          newId,
          oldId);
    }
    if (old.stream().anyMatch(Deployment::started)
        && other.stream().anyMatch(deployment -> deployment.started() == false)) {
      throw ExceptionsHelper.badRequestException(
          "cannot reassign model_alias [{}] to model [{}]  from model [{}] as it is not yet"
              + " allocated to any nodes",
          alias,
          newId,
          oldId);
    }
  }

  private static void warnOfOtherInputs(TrainedModelConfig oldModel, TrainedModelConfig newModel) {
    Set<String> oldFields = new HashSet<>(oldModel.getInput().getFieldNames());
    Set<String> newFields = new HashSet<>(newModel.getInput().getFieldNames());
    int half = oldFields.size() / 2;
    if (Sets.difference(oldFields, newFields).size() > half
        || Sets.intersection(newFields, oldFields).size() < half) {
      HeaderWarning.addWarning(
          Messages.getMessage(
              Messages.TRAINED_MODEL_INPUTS_DIFFER_SIGNIFICANTLY,
              newModel.getModelId(),
              oldModel.getModelId()));
    }
  }
}

package esrag.ml.deployment;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import esrag.ml.node.Catalogue;
import esrag.ml.node.Deployment;
import esrag.ml.node.StoredModel;
import java.io.IOException;
import java.util.Objects;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.common.ValidationException;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;
import org.elasticsearch.xpack.core.ml.action.CreateTrainedModelAssignmentAction;
import org.elasticsearch.xpack.core.ml.action.UpdateTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.inference.assignment.AdaptiveAllocationsSettings;
import org.elasticsearch.xpack.core.ml.inference.assignment.AssignmentState;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/** Changes how many allocations a running deployment has, or how they follow the load. */
public final class TransportUpdateDeployment
    extends MlTransportAction<
        UpdateTrainedModelDeploymentAction.Request, CreateTrainedModelAssignmentAction.Response> {

  @Inject
  public TransportUpdateDeployment(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(
        UpdateTrainedModelDeploymentAction.NAME,
        Licences.Need.NOTHING,
        transport,
        filters,
        services);
  }

  @Override
  protected void answer(
      UpdateTrainedModelDeploymentAction.Request request,
      ActionListener<CreateTrainedModelAssignmentAction.Response> listener) {
    services()
        .node()
        .catalogue(
            listener.delegateFailureAndWrap((next, catalogue) -> update(request, catalogue, next)));
  }

  private void update(
      UpdateTrainedModelDeploymentAction.Request request,
      Catalogue catalogue,
      ActionListener<CreateTrainedModelAssignmentAction.Response> listener)
      throws IOException {
    Deployment deployment =
        catalogue
            .deployment(request.getDeploymentId())
            .orElseThrow(() -> ExceptionsHelper.missingModelDeployment(request.getDeploymentId()));
    StoredModel model = catalogue.model(deployment.modelId()).orElseThrow();
    AdaptiveAllocationsSettings before = Assignments.adaptive(deployment);
    AdaptiveAllocationsSettings after = merged(before, request.getAdaptiveAllocationsSettings());
    check(request, after);
    if (hasUpdates(request, deployment, before) == false) {
      listener.onResponse(respond(deployment, model));
      return;
    }
    if (deployment.started() == false) {
      throw new ElasticsearchStatusException(
          "cannot update deployment that is not in [{}] state",
          RestStatus.CONFLICT,
          AssignmentState.STARTED);
    }
    services()
        .node()
        .update(
            request.getDeploymentId(),
            body(request, after),
            listener.map(
                updated -> {
                  services().targets().forget();
                  return respond(updated, model);
                }));
  }

  private static AdaptiveAllocationsSettings merged(
      AdaptiveAllocationsSettings before, AdaptiveAllocationsSettings wish) {
    if (wish == null) {
      return before;
    }
    if (wish == AdaptiveAllocationsSettings.RESET_PLACEHOLDER) {
      return null;
    }
    return before == null ? wish : before.merge(wish);
  }

  private static void check(
      UpdateTrainedModelDeploymentAction.Request request, AdaptiveAllocationsSettings after) {
    if (after == null) {
      return;
    }
    if (request.isInternal() == false
        && Boolean.TRUE.equals(after.getEnabled())
        && request.getNumberOfAllocations() != null) {
      throw new ValidationException()
          .addValidationError(
              "[number_of_allocations] cannot be set if adaptive allocations is enabled");
    }
    ActionRequestValidationException wrong = after.validate();
    if (wrong != null) {
      throw wrong;
    }
  }

  private static boolean hasUpdates(
      UpdateTrainedModelDeploymentAction.Request request,
      Deployment deployment,
      AdaptiveAllocationsSettings before) {
    Integer number = request.getNumberOfAllocations();
    AdaptiveAllocationsSettings wish = request.getAdaptiveAllocationsSettings();
    return (number != null && number != deployment.targetAllocations())
        || (wish != null && Objects.equals(wish, before) == false);
  }

  private static BytesReference body(
      UpdateTrainedModelDeploymentAction.Request request, AdaptiveAllocationsSettings adaptive)
      throws IOException {
    try (XContentBuilder json = XContentBuilder.builder(XContentType.JSON.xContent())) {
      json.startObject();
      if (request.getNumberOfAllocations() != null) {
        json.field("number_of_allocations", request.getNumberOfAllocations());
      }
      if (request.getAdaptiveAllocationsSettings() != null) {
        json.field("adaptive_allocations", adaptive);
      }
      return BytesReference.bytes(json.endObject());
    }
  }

  private CreateTrainedModelAssignmentAction.Response respond(
      Deployment deployment, StoredModel model) {
    return new CreateTrainedModelAssignmentAction.Response(
        Assignments.assignment(
            deployment,
            model.parse(services().registry()).build(),
            model.definitionLength(),
            services().clusterService().localNode()));
  }
}

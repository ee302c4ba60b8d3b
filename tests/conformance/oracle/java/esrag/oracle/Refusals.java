package esrag.oracle;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.ResourceAlreadyExistsException;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.license.LicenseUtils;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.inference.results.UnifiedChatCompletionException;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/** What the server answers when it can read a call but lacks, or has, what the call names. */
final class Refusals {
  private static final Map<String, Function<List<String>, Exception>> ALL =
      Map.of(
          "unknown_model", values -> ExceptionsHelper.missingTrainedModel(values.get(0)),
          "model_not_found",
              values ->
                  new ResourceNotFoundException(
                      Messages.getMessage(Messages.INFERENCE_NOT_FOUND, values.get(0))),
          "model_exists",
              values ->
                  new ResourceAlreadyExistsException(
                      Messages.getMessage(Messages.INFERENCE_TRAINED_MODEL_EXISTS, values.get(0))),
          "unknown_deployment", values -> ExceptionsHelper.missingModelDeployment(values.get(0)),
          "unknown_alias",
              values ->
                  new ElasticsearchStatusException(
                      "model_alias [{}] could not be found", RestStatus.NOT_FOUND, values.get(0)),
          "unknown_endpoint", values -> unknownEndpoint(values.get(0)),
          "unknown_endpoint_in_chat",
              values ->
                  UnifiedChatCompletionException.fromThrowable(unknownEndpoint(values.get(0))),
          "no_endpoint_to_update",
              values ->
                  new ElasticsearchStatusException(
                      Messages.INFERENCE_ENTITY_NON_EXISTANT_NO_UPDATE,
                      RestStatus.NOT_FOUND,
                      values.get(0)),
          "licence", values -> LicenseUtils.newComplianceException(values.get(0)));

  private Refusals() {}

  static Exception of(Call.Refusal state) {
    return ALL.get(state.name()).apply(state.values());
  }

  private static ResourceNotFoundException unknownEndpoint(String id) {
    return new ResourceNotFoundException("Inference endpoint not found [{}]", id);
  }
}

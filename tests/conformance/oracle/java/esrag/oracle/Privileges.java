package esrag.oracle;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.elasticsearch.action.IndicesRequest;
import org.elasticsearch.index.reindex.DeleteByQueryRequest;
import org.elasticsearch.index.reindex.ReindexRequest;
import org.elasticsearch.index.reindex.UpdateByQueryRequest;
import org.elasticsearch.transport.AbstractTransportRequest;
import org.elasticsearch.transport.TransportRequest;
import org.elasticsearch.xpack.core.inference.action.DeleteInferenceEndpointAction;
import org.elasticsearch.xpack.core.inference.action.GetInferenceModelAction;
import org.elasticsearch.xpack.core.inference.action.GetInferenceServicesAction;
import org.elasticsearch.xpack.core.inference.action.InferenceActionProxy;
import org.elasticsearch.xpack.core.inference.action.PutInferenceModelAction;
import org.elasticsearch.xpack.core.inference.action.UpdateInferenceModelAction;
import org.elasticsearch.xpack.core.ml.action.ClearDeploymentCacheAction;
import org.elasticsearch.xpack.core.ml.action.DeleteTrainedModelAction;
import org.elasticsearch.xpack.core.ml.action.DeleteTrainedModelAliasAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsStatsAction;
import org.elasticsearch.xpack.core.ml.action.InferModelAction;
import org.elasticsearch.xpack.core.ml.action.MlInfoAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelAliasAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelDefinitionPartAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelVocabularyAction;
import org.elasticsearch.xpack.core.ml.action.StartTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.action.StopTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.action.UpdateTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.security.authz.permission.ClusterPermission;
import org.elasticsearch.xpack.core.security.authz.privilege.ClusterPrivilegeResolver;
import org.elasticsearch.xpack.core.security.authz.privilege.IndexPrivilege;

/** Which privileges grant the action behind a REST call. */
final class Privileges {
  private static final Map<String, String> ACTIONS = new HashMap<>();

  static {
    ACTIONS.put("put_trained_model", PutTrainedModelAction.NAME);
    ACTIONS.put("put_definition_part", PutTrainedModelDefinitionPartAction.NAME);
    ACTIONS.put("put_vocabulary", PutTrainedModelVocabularyAction.NAME);
    ACTIONS.put("get_trained_models", GetTrainedModelsAction.NAME);
    ACTIONS.put("get_trained_models_stats", GetTrainedModelsStatsAction.NAME);
    ACTIONS.put("delete_trained_model", DeleteTrainedModelAction.NAME);
    ACTIONS.put("start_deployment", StartTrainedModelDeploymentAction.NAME);
    ACTIONS.put("update_deployment", UpdateTrainedModelDeploymentAction.NAME);
    ACTIONS.put("stop_deployment", StopTrainedModelDeploymentAction.NAME);
    ACTIONS.put("clear_deployment_cache", ClearDeploymentCacheAction.NAME);
    ACTIONS.put("infer", InferModelAction.EXTERNAL_NAME);
    ACTIONS.put("put_model_alias", PutTrainedModelAliasAction.NAME);
    ACTIONS.put("delete_model_alias", DeleteTrainedModelAliasAction.NAME);
    ACTIONS.put("ml_info", MlInfoAction.NAME);
    ACTIONS.put("put_inference", PutInferenceModelAction.NAME);
    ACTIONS.put("update_inference", UpdateInferenceModelAction.NAME);
    ACTIONS.put("get_inference", GetInferenceModelAction.NAME);
    ACTIONS.put("delete_inference", DeleteInferenceEndpointAction.NAME);
    ACTIONS.put("inference_services", GetInferenceServicesAction.NAME);
    ACTIONS.put("inference", InferenceActionProxy.NAME);
    ACTIONS.put("main", "cluster:monitor/main");
    ACTIONS.put("xpack_info", "cluster:monitor/xpack/info");
    ACTIONS.put("search_template", "indices:data/read/search/template");
    ACTIONS.put("multi_search_template", "indices:data/read/msearch/template");
    ACTIONS.put("reindex", "indices:data/write/reindex");
    ACTIONS.put("update_by_query", "indices:data/write/update/byquery");
    ACTIONS.put("delete_by_query", "indices:data/write/delete/byquery");
  }

  /** Requests that name their indices, and are refused by name. */
  private static final Map<String, Class<?>> NAMING =
      Map.of(
          "reindex", ReindexRequest.class,
          "update_by_query", UpdateByQueryRequest.class,
          "delete_by_query", DeleteByQueryRequest.class);

  private Privileges() {}

  /** A request of no particular kind. */
  private static final class Anything extends AbstractTransportRequest {}

  /**
   * Whether somebody with the cluster privileges may, and who may.
   *
   * @param args {@code call}, a name of the table above, and {@code held}, a list of privileges
   */
  @SuppressWarnings("unchecked")
  static Map<String, Object> answer(Map<String, Object> args) {
    String action = ACTIONS.get((String) args.get("call"));
    TransportRequest request = new Anything();
    boolean cluster = ClusterPrivilegeResolver.isClusterAction(action);
    Collection<String> granting =
        cluster
            ? ClusterPrivilegeResolver.findPrivilegesThatGrant(action, request, null)
            : IndexPrivilege.findPrivilegesThatGrant(action);
    ClusterPermission.Builder held = ClusterPermission.builder();
    for (String name : (List<String>) args.get("held")) {
      held = ClusterPrivilegeResolver.resolve(name).buildPermission(held);
    }
    return Map.of(
        "action",
        action,
        "names_indices",
        IndicesRequest.class.isAssignableFrom(
            NAMING.getOrDefault((String) args.get("call"), Object.class)),
        "scope",
        cluster ? "cluster" : "index",
        "granting",
        List.copyOf(granting),
        "allowed",
        cluster && held.build().check(action, request, null));
  }
}

package esrag.ml.rest;

import static org.elasticsearch.rest.RestRequest.Method.DELETE;
import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.POST;
import static org.elasticsearch.rest.RestRequest.Method.PUT;

import java.util.List;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.TaskType;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestHandler.Route;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestUtils;
import org.elasticsearch.rest.action.RestChunkedToXContentListener;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.xpack.core.inference.InferenceContext;
import org.elasticsearch.xpack.core.inference.action.BaseInferenceActionRequest;
import org.elasticsearch.xpack.core.inference.action.DeleteInferenceEndpointAction;
import org.elasticsearch.xpack.core.inference.action.GetInferenceModelAction;
import org.elasticsearch.xpack.core.inference.action.GetInferenceServicesAction;
import org.elasticsearch.xpack.core.inference.action.InferenceActionProxy;
import org.elasticsearch.xpack.core.inference.action.PutInferenceModelAction;
import org.elasticsearch.xpack.core.inference.action.UpdateInferenceModelAction;

/** Routes under {@code _inference}. */
public final class InferenceRoutes {
  private static final String ALL = "/_inference";
  private static final String FIRST = "task_type_or_id";
  private static final String SECOND = "inference_id";
  private static final String ONE = ALL + "/{" + FIRST + "}";
  private static final String TWO = ONE + "/{" + SECOND + "}";
  private static final String SERVICES = ALL + "/_services";
  private static final String USE_CASE_HEADER = "X-elastic-product-use-case";

  private InferenceRoutes() {}

  /** All of them. */
  public static List<RestHandler> all() {
    return List.of(put(), update(), get(), delete(), infer(), stream(), services());
  }

  /** An endpoint as addressed: with or without the task before the id. */
  private record Address(TaskType taskType, String inferenceId) {
    static Address of(RestRequest request) {
      String second = request.param(SECOND);
      String first = request.param(FIRST);
      return second == null
          ? new Address(TaskType.ANY, first)
          : new Address(TaskType.fromStringOrStatusException(first), second);
    }
  }

  private static RestHandler put() {
    return new Handler(
        "esrag_put_inference_endpoint",
        List.of(new Route(PUT, ONE), new Route(PUT, TWO)),
        (request, client) -> {
          Address address = Address.of(request);
          PutInferenceModelAction.Request put =
              new PutInferenceModelAction.Request(
                  address.taskType(),
                  address.inferenceId(),
                  body(request),
                  request.getXContentType(),
                  request.paramAsTime("timeout", TimeValue.timeValueSeconds(30)));
          return channel ->
              client.execute(
                  PutInferenceModelAction.INSTANCE, put, new RestToXContentListener<>(channel));
        });
  }

  private static RestHandler update() {
    return new Handler(
        "esrag_update_inference_endpoint",
        List.of(new Route(PUT, ONE + "/_update"), new Route(PUT, TWO + "/_update")),
        (request, client) -> {
          Address address = Address.of(request);
          UpdateInferenceModelAction.Request update =
              new UpdateInferenceModelAction.Request(
                  address.inferenceId(),
                  body(request),
                  request.getXContentType(),
                  address.taskType(),
                  RestUtils.getMasterNodeTimeout(request),
                  RestUtils.getAckTimeout(request),
                  request.paramAsTime("timeout", TimeValue.timeValueSeconds(30)));
          return channel ->
              client.execute(
                  UpdateInferenceModelAction.INSTANCE,
                  update,
                  new RestToXContentListener<>(channel));
        });
  }

  private static RestHandler get() {
    return new Handler(
        "esrag_get_inference_endpoint",
        List.of(new Route(GET, ALL), new Route(GET, ONE), new Route(GET, TWO)),
        (request, client) -> {
          Address address =
              request.hasParam(FIRST) ? Address.of(request) : new Address(TaskType.ANY, "_all");
          GetInferenceModelAction.Request get =
              new GetInferenceModelAction.Request(address.inferenceId(), address.taskType());
          return channel ->
              client.execute(
                  GetInferenceModelAction.INSTANCE, get, new RestToXContentListener<>(channel));
        });
  }

  private static RestHandler delete() {
    return new Handler(
        "esrag_delete_inference_endpoint",
        List.of(new Route(DELETE, ONE), new Route(DELETE, TWO)),
        (request, client) -> {
          Address address = Address.of(request);
          DeleteInferenceEndpointAction.Request delete =
              new DeleteInferenceEndpointAction.Request(
                  address.inferenceId(),
                  address.taskType(),
                  request.paramAsBoolean("force", false),
                  request.paramAsBoolean("dry_run", false));
          return channel ->
              client.execute(
                  DeleteInferenceEndpointAction.INSTANCE,
                  delete,
                  new RestToXContentListener<>(channel));
        });
  }

  private static RestHandler infer() {
    return new Handler(
        "esrag_inference",
        List.of(new Route(POST, ONE), new Route(POST, TWO)),
        (request, client) -> {
          InferenceActionProxy.Request infer = proxied(request, false);
          return channel ->
              client.execute(
                  InferenceActionProxy.INSTANCE,
                  infer,
                  new RestChunkedToXContentListener<>(channel));
        });
  }

  private static RestHandler stream() {
    return new Handler(
        "esrag_stream_inference",
        List.of(new Route(POST, ONE + "/_stream"), new Route(POST, TWO + "/_stream")),
        (request, client) -> {
          InferenceActionProxy.Request infer = proxied(request, true);
          return channel ->
              client.execute(
                  InferenceActionProxy.INSTANCE,
                  infer,
                  new EventsListener(channel, client.threadPool().getThreadContext()));
        });
  }

  private static InferenceActionProxy.Request proxied(RestRequest request, boolean stream) {
    Address address = Address.of(request);
    String useCase = request.header(USE_CASE_HEADER);
    return new InferenceActionProxy.Request(
        address.taskType(),
        address.inferenceId(),
        body(request),
        request.getXContentType(),
        request.paramAsTime("timeout", BaseInferenceActionRequest.TIMEOUT_NOT_DETERMINED),
        stream,
        useCase == null ? InferenceContext.EMPTY_INSTANCE : new InferenceContext(useCase));
  }

  private static RestHandler services() {
    return new Handler(
        "esrag_get_inference_services",
        List.of(new Route(GET, SERVICES), new Route(GET, SERVICES + "/{task_type}")),
        (request, client) -> {
          String task = request.param("task_type");
          GetInferenceServicesAction.Request get =
              new GetInferenceServicesAction.Request(
                  task == null ? TaskType.ANY : TaskType.fromStringOrStatusException(task));
          return channel ->
              client.execute(
                  GetInferenceServicesAction.INSTANCE, get, new RestToXContentListener<>(channel));
        });
  }

  /** A copy of the body: the server takes its own back when the handler returns. */
  private static BytesReference body(RestRequest request) {
    return new BytesArray(BytesReference.toBytes(request.requiredContent()));
  }
}

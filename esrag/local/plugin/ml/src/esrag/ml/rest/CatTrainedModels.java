package esrag.ml.rest;

import static org.elasticsearch.rest.RestRequest.Method.GET;

import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.common.Table;
import org.elasticsearch.common.time.DateFormatter;
import org.elasticsearch.common.unit.ByteSizeValue;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.action.RestResponseListener;
import org.elasticsearch.rest.action.cat.AbstractCatAction;
import org.elasticsearch.rest.action.cat.RestTable;
import org.elasticsearch.xpack.core.action.util.PageParams;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsStatsAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsStatsAction.Response.TrainedModelStats;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;

/** {@code _cat/ml/trained_models}: a line for each model, from its config and its statistics. */
final class CatTrainedModels extends AbstractCatAction {
  private static final String PATH = "/_cat/ml/trained_models";
  private static final DateFormatter DATE = DateFormatter.forPattern("strict_date_time");

  @Override
  public String getName() {
    return "esrag_cat_trained_models";
  }

  @Override
  public List<Route> routes() {
    return List.of(new Route(GET, PATH), new Route(GET, PATH + "/{model_id}"));
  }

  @Override
  protected void documentation(StringBuilder sb) {
    sb.append(PATH).append("\n").append(PATH).append("/{model_id}\n");
  }

  @Override
  protected RestChannelConsumer doCatRequest(RestRequest request, NodeClient client) {
    String id = request.param("model_id", "*");
    PageParams page =
        new PageParams(
            request.paramAsInt("from", PageParams.DEFAULT_FROM),
            request.paramAsInt("size", PageParams.DEFAULT_SIZE));
    boolean allowNoMatch = request.paramAsBoolean("allow_no_match", true);
    GetTrainedModelsAction.Request models =
        new GetTrainedModelsAction.Request(id, List.of(), Set.of());
    models.setPageParams(page);
    models.setAllowNoResources(allowNoMatch);
    GetTrainedModelsStatsAction.Request stats = new GetTrainedModelsStatsAction.Request(id);
    stats.setPageParams(page);
    stats.setAllowNoResources(allowNoMatch);
    return channel -> {
      RestResponseListener<Table> shown =
          new RestResponseListener<>(channel) {
            @Override
            public RestResponse buildResponse(Table table) throws Exception {
              return RestTable.buildResponse(table, channel);
            }
          };
      client.execute(
          GetTrainedModelsAction.INSTANCE,
          models,
          shown.delegateFailureAndWrap(
              (next, configs) ->
                  client.execute(
                      GetTrainedModelsStatsAction.INSTANCE,
                      stats,
                      next.map(
                          found ->
                              table(
                                  request,
                                  configs.getResources().results(),
                                  found.getResources().results())))));
    };
  }

  @Override
  protected Table getTableWithHeader(RestRequest request) {
    Table table = new Table();
    table.startHeaders();
    table.addCell("id", "desc:the trained model id");
    table.addCell("created_by", "default:false;alias:c,createdBy;desc:who created the model");
    table.addCell("heap_size", "alias:hs,modelHeapSize;desc:the estimated heap size of the model");
    table.addCell("operations", "alias:o,modelOperations;desc:the estimated number of operations");
    table.addCell("license", "default:false;alias:l;desc:the license level of the model");
    table.addCell("create_time", "alias:ct;desc:the time the model was created");
    table.addCell("version", "default:false;alias:v;desc:the version of the model config format");
    table.addCell("description", "default:false;alias:d;desc:the model description");
    table.addCell("type", "alias:t;desc:the model type");
    table.addCell("ingest.pipelines", "alias:ip,ingestPipelines;desc:the number of pipelines");
    table.addCell("ingest.count", "default:false;alias:ic,ingestCount;desc:documents processed");
    table.addCell("ingest.time", "default:false;alias:it,ingestTime;desc:time spent");
    table.addCell(
        "ingest.current", "default:false;alias:icurr,ingestCurrent;desc:documents in work");
    table.addCell(
        "ingest.failed", "default:false;alias:if,ingestFailed;desc:documents that failed");
    table.addCell(
        "data_frame.id", "alias:dfid,dataFrameAnalytics;desc:the data frame analytics job");
    table.addCell(
        "data_frame.create_time",
        "default:false;alias:dft,dataFrameAnalyticsTime;desc:when that job was created");
    table.addCell(
        "data_frame.source_index",
        "default:false;alias:dfsi,dataFrameAnalyticsSrcIndex;desc:the index it trained on");
    table.addCell(
        "data_frame.analysis",
        "default:false;alias:dfa,dataFrameAnalyticsAnalysis;desc:the analysis it used");
    table.endHeaders();
    return table;
  }

  private Table table(
      RestRequest request, List<TrainedModelConfig> models, List<TrainedModelStats> stats) {
    Map<String, TrainedModelStats> byId = new HashMap<>();
    stats.forEach(entry -> byId.putIfAbsent(entry.getModelId(), entry));
    Table table = getTableWithHeader(request);
    for (TrainedModelConfig model : models) {
      TrainedModelStats entry = byId.get(model.getModelId());
      table.startRow();
      table.addCell(model.getModelId());
      table.addCell(model.getCreatedBy());
      table.addCell(ByteSizeValue.ofBytes(model.getModelSize()));
      table.addCell(model.getEstimatedOperations());
      table.addCell(model.getLicenseLevel());
      table.addCell(DATE.format(model.getCreateTime().atOffset(ZoneOffset.UTC)));
      table.addCell(model.getVersion());
      table.addCell(model.getDescription());
      table.addCell(model.getModelType());
      addIngest(table, entry);
      addAnalytics(table);
      table.endRow();
    }
    return table;
  }

  /** No model here comes from a data frame analytics job. */
  private static void addAnalytics(Table table) {
    table.addCell("__none__");
    table.addCell(null);
    table.addCell(null);
    table.addCell(null);
  }

  private static void addIngest(Table table, TrainedModelStats entry) {
    table.addCell(entry == null ? 0 : entry.getPipelineCount());
    if (entry == null || entry.getIngestStats() == null) {
      table.addCell(0);
      table.addCell(TimeValue.ZERO);
      table.addCell(0);
      table.addCell(0);
      return;
    }
    table.addCell(entry.getIngestStats().totalStats().ingestCount());
    table.addCell(
        TimeValue.timeValueMillis(entry.getIngestStats().totalStats().ingestTimeInMillis()));
    table.addCell(entry.getIngestStats().totalStats().ingestCurrent());
    table.addCell(entry.getIngestStats().totalStats().ingestFailedCount());
  }
}

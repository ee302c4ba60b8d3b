package esrag.ml.info;

import esrag.ml.MlServices;
import esrag.ml.MlTransportAction;
import esrag.ml.licence.Licences;
import java.util.List;
import java.util.Map;
import org.elasticsearch.Build;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.ml.action.MlInfoAction;

/**
 * The defaults and limits of machine learning. Those of anomaly detection are the server's
 * published ones, though the local stack has no anomaly detection; the native code is the ML node
 * process, and the build hash says so.
 */
public final class TransportMlInfo
    extends MlTransportAction<MlInfoAction.Request, MlInfoAction.Response> {
  private static final Map<String, Object> DEFAULTS =
      Map.of(
          "anomaly_detectors",
          Map.of(
              "categorization_analyzer",
              Map.of("char_filter", List.of("first_line_with_letters"), "tokenizer", "ml_standard"),
              "model_memory_limit",
              "1gb",
              "categorization_examples_limit",
              4,
              "model_snapshot_retention_days",
              10,
              "daily_model_snapshot_retention_after_days",
              1),
          "datafeeds",
          Map.of("scroll_size", 1000));

  @Inject
  public TransportMlInfo(TransportService transport, ActionFilters filters, MlServices services) {
    super(MlInfoAction.NAME, Licences.Need.NOTHING, transport, filters, services);
  }

  @Override
  protected void answer(
      MlInfoAction.Request request, ActionListener<MlInfoAction.Response> listener) {
    int processors = Runtime.getRuntime().availableProcessors();
    String memory = MachineMemory.share().getStringRep();
    Map<String, Object> limits =
        Map.of(
            "max_single_ml_node_processors",
            processors,
            "total_ml_processors",
            processors,
            "total_ml_memory",
            memory,
            "effective_max_model_memory_limit",
            memory);
    Map<String, Object> nativeCode =
        Map.of("version", Build.current().version(), "build_hash", "esrag-mlnode");
    listener.onResponse(
        new MlInfoAction.Response(
            Map.of(
                "defaults",
                DEFAULTS,
                "limits",
                limits,
                "upgrade_mode",
                false,
                "native_code",
                nativeCode)));
  }
}

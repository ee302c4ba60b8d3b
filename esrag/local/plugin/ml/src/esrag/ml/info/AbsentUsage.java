package esrag.ml.info;

import esrag.ml.MlServices;
import java.util.List;
import org.elasticsearch.TransportVersion;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.plugins.ActionPlugin.ActionHandler;
import org.elasticsearch.protocol.xpack.XPackUsageRequest;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.XPackFeatureUsage;
import org.elasticsearch.xpack.core.XPackField;
import org.elasticsearch.xpack.core.action.XPackUsageFeatureAction;
import org.elasticsearch.xpack.core.action.XPackUsageFeatureResponse;
import org.elasticsearch.xpack.core.action.XPackUsageFeatureTransportAction;

/**
 * Says of each feature that this distribution leaves out that nobody uses it. The server's own
 * {@code GET _xpack/usage} asks all features and fails when one does not answer; the server binds
 * each answer by its class, hence a class for each.
 */
public final class AbsentUsage {
  private AbsentUsage() {}

  /** All of them. */
  public static List<ActionHandler> handlers() {
    return List.of(
        new ActionHandler(XPackUsageFeatureAction.MONITORING, Monitoring.class),
        new ActionHandler(XPackUsageFeatureAction.WATCHER, Watcher.class),
        new ActionHandler(XPackUsageFeatureAction.GRAPH, Graph.class),
        new ActionHandler(XPackUsageFeatureAction.LOGSTASH, Logstash.class),
        new ActionHandler(XPackUsageFeatureAction.EQL, Eql.class),
        new ActionHandler(XPackUsageFeatureAction.ESQL, Esql.class),
        new ActionHandler(XPackUsageFeatureAction.SQL, Sql.class),
        new ActionHandler(XPackUsageFeatureAction.ROLLUP, Rollup.class),
        new ActionHandler(XPackUsageFeatureAction.INDEX_LIFECYCLE, IndexLifecycle.class),
        new ActionHandler(XPackUsageFeatureAction.SNAPSHOT_LIFECYCLE, SnapshotLifecycle.class),
        new ActionHandler(XPackUsageFeatureAction.CCR, Ccr.class),
        new ActionHandler(XPackUsageFeatureAction.TRANSFORM, Transform.class),
        new ActionHandler(XPackUsageFeatureAction.VOTING_ONLY, VotingOnly.class),
        new ActionHandler(XPackUsageFeatureAction.SPATIAL, Spatial.class),
        new ActionHandler(XPackUsageFeatureAction.ANALYTICS, Analytics.class),
        new ActionHandler(XPackUsageFeatureAction.SEARCHABLE_SNAPSHOTS, SearchableSnapshots.class),
        new ActionHandler(XPackUsageFeatureAction.AGGREGATE_METRIC, AggregateMetric.class),
        new ActionHandler(XPackUsageFeatureAction.ARCHIVE, Archive.class),
        new ActionHandler(XPackUsageFeatureAction.ENTERPRISE_SEARCH, EnterpriseSearch.class),
        new ActionHandler(XPackUsageFeatureAction.UNIVERSAL_PROFILING, UniversalProfiling.class),
        new ActionHandler(XPackUsageFeatureAction.LOGSDB, Logsdb.class),
        new ActionHandler(XPackUsageFeatureAction.GPU_VECTOR_INDEXING, GpuVectorIndexing.class));
  }

  private static final class Unused extends XPackFeatureUsage {
    Unused(String feature) {
      super(feature, false, false);
    }

    @Override
    public TransportVersion getMinimalSupportedVersion() {
      return TransportVersion.minimumCompatible();
    }
  }

  private abstract static class Absent extends XPackUsageFeatureTransportAction {
    private final String feature;

    Absent(
        ActionType<XPackUsageFeatureResponse> action,
        String feature,
        TransportService transport,
        ActionFilters filters,
        MlServices services) {
      super(action.name(), transport, services.clusterService(), services.threadPool(), filters);
      this.feature = feature;
    }

    @Override
    protected void localClusterStateOperation(
        Task task,
        XPackUsageRequest request,
        ClusterState state,
        ActionListener<XPackUsageFeatureResponse> listener) {
      listener.onResponse(new XPackUsageFeatureResponse(new Unused(feature)));
    }
  }

  public static final class Monitoring extends Absent {
    @Inject
    public Monitoring(TransportService transport, ActionFilters filters, MlServices services) {
      super(
          XPackUsageFeatureAction.MONITORING, XPackField.MONITORING, transport, filters, services);
    }
  }

  public static final class Watcher extends Absent {
    @Inject
    public Watcher(TransportService transport, ActionFilters filters, MlServices services) {
      super(XPackUsageFeatureAction.WATCHER, XPackField.WATCHER, transport, filters, services);
    }
  }

  public static final class Graph extends Absent {
    @Inject
    public Graph(TransportService transport, ActionFilters filters, MlServices services) {
      super(XPackUsageFeatureAction.GRAPH, XPackField.GRAPH, transport, filters, services);
    }
  }

  public static final class Logstash extends Absent {
    @Inject
    public Logstash(TransportService transport, ActionFilters filters, MlServices services) {
      super(XPackUsageFeatureAction.LOGSTASH, XPackField.LOGSTASH, transport, filters, services);
    }
  }

  public static final class Eql extends Absent {
    @Inject
    public Eql(TransportService transport, ActionFilters filters, MlServices services) {
      super(XPackUsageFeatureAction.EQL, XPackField.EQL, transport, filters, services);
    }
  }

  public static final class Esql extends Absent {
    @Inject
    public Esql(TransportService transport, ActionFilters filters, MlServices services) {
      super(XPackUsageFeatureAction.ESQL, XPackField.ESQL, transport, filters, services);
    }
  }

  public static final class Sql extends Absent {
    @Inject
    public Sql(TransportService transport, ActionFilters filters, MlServices services) {
      super(XPackUsageFeatureAction.SQL, XPackField.SQL, transport, filters, services);
    }
  }

  public static final class Rollup extends Absent {
    @Inject
    public Rollup(TransportService transport, ActionFilters filters, MlServices services) {
      super(XPackUsageFeatureAction.ROLLUP, XPackField.ROLLUP, transport, filters, services);
    }
  }

  public static final class IndexLifecycle extends Absent {
    @Inject
    public IndexLifecycle(TransportService transport, ActionFilters filters, MlServices services) {
      super(
          XPackUsageFeatureAction.INDEX_LIFECYCLE,
          XPackField.INDEX_LIFECYCLE,
          transport,
          filters,
          services);
    }
  }

  public static final class SnapshotLifecycle extends Absent {
    @Inject
    public SnapshotLifecycle(
        TransportService transport, ActionFilters filters, MlServices services) {
      super(
          XPackUsageFeatureAction.SNAPSHOT_LIFECYCLE,
          XPackField.SNAPSHOT_LIFECYCLE,
          transport,
          filters,
          services);
    }
  }

  public static final class Ccr extends Absent {
    @Inject
    public Ccr(TransportService transport, ActionFilters filters, MlServices services) {
      super(XPackUsageFeatureAction.CCR, XPackField.CCR, transport, filters, services);
    }
  }

  public static final class Transform extends Absent {
    @Inject
    public Transform(TransportService transport, ActionFilters filters, MlServices services) {
      super(XPackUsageFeatureAction.TRANSFORM, XPackField.TRANSFORM, transport, filters, services);
    }
  }

  public static final class VotingOnly extends Absent {
    @Inject
    public VotingOnly(TransportService transport, ActionFilters filters, MlServices services) {
      super(
          XPackUsageFeatureAction.VOTING_ONLY,
          XPackField.VOTING_ONLY,
          transport,
          filters,
          services);
    }
  }

  public static final class Spatial extends Absent {
    @Inject
    public Spatial(TransportService transport, ActionFilters filters, MlServices services) {
      super(XPackUsageFeatureAction.SPATIAL, XPackField.SPATIAL, transport, filters, services);
    }
  }

  public static final class Analytics extends Absent {
    @Inject
    public Analytics(TransportService transport, ActionFilters filters, MlServices services) {
      super(XPackUsageFeatureAction.ANALYTICS, XPackField.ANALYTICS, transport, filters, services);
    }
  }

  public static final class SearchableSnapshots extends Absent {
    @Inject
    public SearchableSnapshots(
        TransportService transport, ActionFilters filters, MlServices services) {
      super(
          XPackUsageFeatureAction.SEARCHABLE_SNAPSHOTS,
          XPackField.SEARCHABLE_SNAPSHOTS,
          transport,
          filters,
          services);
    }
  }

  public static final class AggregateMetric extends Absent {
    @Inject
    public AggregateMetric(TransportService transport, ActionFilters filters, MlServices services) {
      super(
          XPackUsageFeatureAction.AGGREGATE_METRIC,
          XPackField.AGGREGATE_METRIC,
          transport,
          filters,
          services);
    }
  }

  public static final class Archive extends Absent {
    @Inject
    public Archive(TransportService transport, ActionFilters filters, MlServices services) {
      super(XPackUsageFeatureAction.ARCHIVE, XPackField.ARCHIVE, transport, filters, services);
    }
  }

  public static final class EnterpriseSearch extends Absent {
    @Inject
    public EnterpriseSearch(
        TransportService transport, ActionFilters filters, MlServices services) {
      super(
          XPackUsageFeatureAction.ENTERPRISE_SEARCH,
          XPackField.ENTERPRISE_SEARCH,
          transport,
          filters,
          services);
    }
  }

  public static final class UniversalProfiling extends Absent {
    @Inject
    public UniversalProfiling(
        TransportService transport, ActionFilters filters, MlServices services) {
      super(
          XPackUsageFeatureAction.UNIVERSAL_PROFILING,
          XPackField.UNIVERSAL_PROFILING,
          transport,
          filters,
          services);
    }
  }

  public static final class Logsdb extends Absent {
    @Inject
    public Logsdb(TransportService transport, ActionFilters filters, MlServices services) {
      super(XPackUsageFeatureAction.LOGSDB, XPackField.LOGSDB, transport, filters, services);
    }
  }

  public static final class GpuVectorIndexing extends Absent {
    @Inject
    public GpuVectorIndexing(
        TransportService transport, ActionFilters filters, MlServices services) {
      super(
          XPackUsageFeatureAction.GPU_VECTOR_INDEXING,
          XPackField.GPU_VECTOR_INDEXING,
          transport,
          filters,
          services);
    }
  }
}

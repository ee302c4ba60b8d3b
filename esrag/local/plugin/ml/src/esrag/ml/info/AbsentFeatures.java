package esrag.ml.info;

import java.util.List;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.plugins.ActionPlugin.ActionHandler;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.XPackField;
import org.elasticsearch.xpack.core.action.XPackInfoFeatureAction;
import org.elasticsearch.xpack.core.action.XPackInfoFeatureTransportAction;

/**
 * Says of each feature that this distribution leaves out that it is not there. The server's own
 * {@code GET _xpack} asks all features and fails when one does not answer; the server binds each
 * answer by its class, hence a class for each.
 */
public final class AbsentFeatures {
  private AbsentFeatures() {}

  /** All of them. */
  public static List<ActionHandler> handlers() {
    return List.of(
        new ActionHandler(XPackInfoFeatureAction.MONITORING, Monitoring.class),
        new ActionHandler(XPackInfoFeatureAction.WATCHER, Watcher.class),
        new ActionHandler(XPackInfoFeatureAction.GRAPH, Graph.class),
        new ActionHandler(XPackInfoFeatureAction.LOGSTASH, Logstash.class),
        new ActionHandler(XPackInfoFeatureAction.EQL, Eql.class),
        new ActionHandler(XPackInfoFeatureAction.ESQL, Esql.class),
        new ActionHandler(XPackInfoFeatureAction.SQL, Sql.class),
        new ActionHandler(XPackInfoFeatureAction.ROLLUP, Rollup.class),
        new ActionHandler(XPackInfoFeatureAction.INDEX_LIFECYCLE, IndexLifecycle.class),
        new ActionHandler(XPackInfoFeatureAction.SNAPSHOT_LIFECYCLE, SnapshotLifecycle.class),
        new ActionHandler(XPackInfoFeatureAction.CCR, Ccr.class),
        new ActionHandler(XPackInfoFeatureAction.TRANSFORM, Transform.class),
        new ActionHandler(XPackInfoFeatureAction.VOTING_ONLY, VotingOnly.class),
        new ActionHandler(XPackInfoFeatureAction.SPATIAL, Spatial.class),
        new ActionHandler(XPackInfoFeatureAction.ANALYTICS, Analytics.class),
        new ActionHandler(XPackInfoFeatureAction.ENRICH, Enrich.class),
        new ActionHandler(XPackInfoFeatureAction.SEARCHABLE_SNAPSHOTS, SearchableSnapshots.class),
        new ActionHandler(XPackInfoFeatureAction.AGGREGATE_METRIC, AggregateMetric.class),
        new ActionHandler(XPackInfoFeatureAction.ARCHIVE, Archive.class),
        new ActionHandler(XPackInfoFeatureAction.ENTERPRISE_SEARCH, EnterpriseSearch.class),
        new ActionHandler(XPackInfoFeatureAction.UNIVERSAL_PROFILING, UniversalProfiling.class),
        new ActionHandler(XPackInfoFeatureAction.LOGSDB, Logsdb.class),
        new ActionHandler(XPackInfoFeatureAction.GPU_VECTOR_INDEXING, GpuVectorIndexing.class));
  }

  private abstract static class Absent extends XPackInfoFeatureTransportAction {
    private final String feature;

    Absent(String action, String feature, TransportService transport, ActionFilters filters) {
      super(action, transport, filters);
      this.feature = feature;
    }

    @Override
    protected String name() {
      return feature;
    }

    @Override
    protected boolean available() {
      return false;
    }

    @Override
    protected boolean enabled() {
      return false;
    }
  }

  public static final class Monitoring extends Absent {
    @Inject
    public Monitoring(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.MONITORING.name(), XPackField.MONITORING, transport, filters);
    }
  }

  public static final class Watcher extends Absent {
    @Inject
    public Watcher(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.WATCHER.name(), XPackField.WATCHER, transport, filters);
    }
  }

  public static final class Graph extends Absent {
    @Inject
    public Graph(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.GRAPH.name(), XPackField.GRAPH, transport, filters);
    }
  }

  public static final class Logstash extends Absent {
    @Inject
    public Logstash(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.LOGSTASH.name(), XPackField.LOGSTASH, transport, filters);
    }
  }

  public static final class Eql extends Absent {
    @Inject
    public Eql(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.EQL.name(), XPackField.EQL, transport, filters);
    }
  }

  public static final class Esql extends Absent {
    @Inject
    public Esql(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.ESQL.name(), XPackField.ESQL, transport, filters);
    }
  }

  public static final class Sql extends Absent {
    @Inject
    public Sql(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.SQL.name(), XPackField.SQL, transport, filters);
    }
  }

  public static final class Rollup extends Absent {
    @Inject
    public Rollup(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.ROLLUP.name(), XPackField.ROLLUP, transport, filters);
    }
  }

  public static final class IndexLifecycle extends Absent {
    @Inject
    public IndexLifecycle(TransportService transport, ActionFilters filters) {
      super(
          XPackInfoFeatureAction.INDEX_LIFECYCLE.name(),
          XPackField.INDEX_LIFECYCLE,
          transport,
          filters);
    }
  }

  public static final class SnapshotLifecycle extends Absent {
    @Inject
    public SnapshotLifecycle(TransportService transport, ActionFilters filters) {
      super(
          XPackInfoFeatureAction.SNAPSHOT_LIFECYCLE.name(),
          XPackField.SNAPSHOT_LIFECYCLE,
          transport,
          filters);
    }
  }

  public static final class Ccr extends Absent {
    @Inject
    public Ccr(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.CCR.name(), XPackField.CCR, transport, filters);
    }
  }

  public static final class Transform extends Absent {
    @Inject
    public Transform(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.TRANSFORM.name(), XPackField.TRANSFORM, transport, filters);
    }
  }

  public static final class VotingOnly extends Absent {
    @Inject
    public VotingOnly(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.VOTING_ONLY.name(), XPackField.VOTING_ONLY, transport, filters);
    }
  }

  public static final class Spatial extends Absent {
    @Inject
    public Spatial(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.SPATIAL.name(), XPackField.SPATIAL, transport, filters);
    }
  }

  public static final class Analytics extends Absent {
    @Inject
    public Analytics(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.ANALYTICS.name(), XPackField.ANALYTICS, transport, filters);
    }
  }

  public static final class Enrich extends Absent {
    @Inject
    public Enrich(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.ENRICH.name(), XPackField.ENRICH, transport, filters);
    }
  }

  public static final class SearchableSnapshots extends Absent {
    @Inject
    public SearchableSnapshots(TransportService transport, ActionFilters filters) {
      super(
          XPackInfoFeatureAction.SEARCHABLE_SNAPSHOTS.name(),
          XPackField.SEARCHABLE_SNAPSHOTS,
          transport,
          filters);
    }
  }

  public static final class AggregateMetric extends Absent {
    @Inject
    public AggregateMetric(TransportService transport, ActionFilters filters) {
      super(
          XPackInfoFeatureAction.AGGREGATE_METRIC.name(),
          XPackField.AGGREGATE_METRIC,
          transport,
          filters);
    }
  }

  public static final class Archive extends Absent {
    @Inject
    public Archive(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.ARCHIVE.name(), XPackField.ARCHIVE, transport, filters);
    }
  }

  public static final class EnterpriseSearch extends Absent {
    @Inject
    public EnterpriseSearch(TransportService transport, ActionFilters filters) {
      super(
          XPackInfoFeatureAction.ENTERPRISE_SEARCH.name(),
          XPackField.ENTERPRISE_SEARCH,
          transport,
          filters);
    }
  }

  public static final class UniversalProfiling extends Absent {
    @Inject
    public UniversalProfiling(TransportService transport, ActionFilters filters) {
      super(
          XPackInfoFeatureAction.UNIVERSAL_PROFILING.name(),
          XPackField.UNIVERSAL_PROFILING,
          transport,
          filters);
    }
  }

  public static final class Logsdb extends Absent {
    @Inject
    public Logsdb(TransportService transport, ActionFilters filters) {
      super(XPackInfoFeatureAction.LOGSDB.name(), XPackField.LOGSDB, transport, filters);
    }
  }

  public static final class GpuVectorIndexing extends Absent {
    @Inject
    public GpuVectorIndexing(TransportService transport, ActionFilters filters) {
      super(
          XPackInfoFeatureAction.GPU_VECTOR_INDEXING.name(),
          XPackField.GPU_VECTOR_INDEXING,
          transport,
          filters);
    }
  }
}

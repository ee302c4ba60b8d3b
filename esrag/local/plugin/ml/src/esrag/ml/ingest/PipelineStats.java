package esrag.ml.ingest;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.ingest.IngestService;
import org.elasticsearch.ingest.IngestStats;

/** The server's ingest statistics, cut down to some pipelines. */
public final class PipelineStats {
  private volatile IngestService ingestService;

  /** The server hands the ingest service out with the processors' parameters, not before. */
  public void use(IngestService service) {
    ingestService = service;
  }

  /** Sums of the pipelines with these ids, and their processors. */
  public IngestStats statsOf(Set<String> ids) {
    IngestStats all = ingestService.stats();
    List<IngestStats.PipelineStat> pipelines =
        all.pipelineStats().stream().filter(stat -> ids.contains(stat.pipelineId())).toList();
    IngestStats.Stats total =
        pipelines.stream()
            .map(IngestStats.PipelineStat::stats)
            .reduce(IngestStats.Stats.IDENTITY, PipelineStats::sum);
    Map<ProjectId, Map<String, List<IngestStats.ProcessorStat>>> processors = new HashMap<>();
    all.processorStats()
        .forEach(
            (project, byPipeline) -> {
              Map<String, List<IngestStats.ProcessorStat>> kept = new HashMap<>(byPipeline);
              kept.keySet().retainAll(ids);
              processors.put(project, kept);
            });
    return new IngestStats(total, pipelines, processors);
  }

  private static IngestStats.Stats sum(IngestStats.Stats left, IngestStats.Stats right) {
    return new IngestStats.Stats(
        left.ingestCount() + right.ingestCount(),
        left.ingestTimeInMillis() + right.ingestTimeInMillis(),
        left.ingestCurrent() + right.ingestCurrent(),
        left.ingestFailedCount() + right.ingestFailedCount());
  }
}

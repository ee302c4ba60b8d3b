package esrag.ml.retriever;

import java.io.IOException;
import java.util.List;
import org.apache.lucene.search.Explanation;
import org.apache.lucene.search.Query;
import org.elasticsearch.TransportVersion;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.common.io.stream.StreamInput;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.search.rank.RankBuilder;
import org.elasticsearch.search.rank.RankDoc;
import org.elasticsearch.search.rank.context.QueryPhaseRankCoordinatorContext;
import org.elasticsearch.search.rank.context.QueryPhaseRankShardContext;
import org.elasticsearch.search.rank.context.RankFeaturePhaseRankCoordinatorContext;
import org.elasticsearch.search.rank.context.RankFeaturePhaseRankShardContext;
import org.elasticsearch.xcontent.XContentBuilder;

/**
 * Tells the server's search how to rerank: the shards fetch the passages of the best hits, the
 * coordinating node has them scored.
 */
public final class RerankerRank extends RankBuilder {
  private final Reranking reranking;

  RerankerRank(Reranking reranking, int rankWindowSize) {
    super(rankWindowSize);
    this.reranking = reranking;
  }

  public RerankerRank(StreamInput in) throws IOException {
    super(in);
    reranking = new Reranking(in);
  }

  @Override
  protected void doWriteTo(StreamOutput out) throws IOException {
    reranking.writeTo(out);
  }

  @Override
  protected void doXContent(XContentBuilder builder, Params params) throws IOException {
    builder.field("inference_id", reranking.inferenceId());
    builder.field("inference_text", reranking.question());
    builder.field("field", reranking.field());
    if (reranking.minScore() != null) {
      builder.field("min_score", reranking.minScore());
    }
    if (reranking.failuresAllowed()) {
      builder.field("allow_rerank_failures", true);
    }
    if (reranking.chunks() != null) {
      reranking.chunks().toXContent(builder, params);
    }
  }

  @Override
  public boolean isCompoundBuilder() {
    return false;
  }

  @Override
  public Explanation explainHit(Explanation base, RankDoc hit, List<String> queryNames) {
    if (hit == null || base.isMatch() == false) {
      return base;
    }
    return Explanation.match(
        hit.score,
        "rank after reranking: ["
            + hit.rank
            + "] with score: ["
            + hit.score
            + "], using inference endpoint: ["
            + reranking.inferenceId()
            + "] on document field: ["
            + reranking.field()
            + "]",
        base);
  }

  @Override
  public QueryPhaseRankShardContext buildQueryPhaseShardContext(List<Query> queries, int from) {
    return null;
  }

  @Override
  public QueryPhaseRankCoordinatorContext buildQueryPhaseCoordinatorContext(int size, int from) {
    return null;
  }

  @Override
  public RankFeaturePhaseRankShardContext buildRankFeaturePhaseShardContext() {
    return new Passages(reranking);
  }

  @Override
  public RankFeaturePhaseRankCoordinatorContext buildRankFeaturePhaseCoordinatorContext(
      int size, int from, Client client) {
    return new RerankerScores(size, from, rankWindowSize(), client, reranking);
  }

  @Override
  public String getWriteableName() {
    return RerankerRetriever.NAME;
  }

  @Override
  public TransportVersion getMinimalSupportedVersion() {
    return TransportVersion.minimumCompatible();
  }

  @Override
  protected boolean doEquals(RankBuilder other) {
    return other instanceof RerankerRank rank && reranking.equals(rank.reranking);
  }

  @Override
  protected int doHashCode() {
    return reranking.hashCode();
  }
}

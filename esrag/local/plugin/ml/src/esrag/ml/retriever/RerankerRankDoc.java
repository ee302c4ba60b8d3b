package esrag.ml.retriever;

import java.io.IOException;
import java.util.Objects;
import org.apache.lucene.search.Explanation;
import org.apache.lucene.search.ScoreDoc;
import org.elasticsearch.common.io.stream.StreamInput;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.search.rank.RankDoc;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentBuilder;

/** A document with the score that a reranker gave it. */
public final class RerankerRankDoc extends RankDoc {
  /** The name under which nodes exchange it. */
  public static final String NAME = "text_similarity_rank_doc";

  /** What was asked of the reranker, only where somebody wants to know. */
  private final Reranking reranking;

  RerankerRankDoc(ScoreDoc hit, Reranking reranking) {
    super(hit.doc, hit.score, hit.shardIndex);
    this.reranking = reranking;
  }

  public RerankerRankDoc(StreamInput in) throws IOException {
    super(in);
    reranking = in.readOptionalWriteable(Reranking::new);
  }

  @Override
  public Explanation explain(Explanation[] sources, String[] names) {
    String name = names[0] == null ? "" : "[" + names[0] + "]";
    String chunks =
        reranking.chunks() == null
            ? ""
            : "and rescoring considering only top [" + reranking.chunks().most() + "] best chunks";
    return Explanation.match(
        score,
        "text_similarity_reranker match using inference endpoint: ["
            + reranking.inferenceId()
            + "] on document field: ["
            + reranking.field()
            + "] matching on source query "
            + name
            + chunks,
        sources);
  }

  @Override
  protected void doWriteTo(StreamOutput out) throws IOException {
    out.writeOptionalWriteable(reranking);
  }

  @Override
  protected void doToXContent(XContentBuilder builder, ToXContent.Params params)
      throws IOException {
    if (reranking != null) {
      builder.field("inferenceId", reranking.inferenceId());
      builder.field("field", reranking.field());
    }
  }

  @Override
  public String getWriteableName() {
    return NAME;
  }

  @Override
  protected boolean doEquals(RankDoc other) {
    return other instanceof RerankerRankDoc doc && Objects.equals(reranking, doc.reranking);
  }

  @Override
  protected int doHashCode() {
    return Objects.hash(reranking);
  }

  @Override
  public String toString() {
    boolean known = reranking != null;
    BestChunks chunks = known ? reranking.chunks() : null;
    return "TextSimilarityRankDoc{doc="
        + doc
        + ", shardIndex="
        + shardIndex
        + ", score="
        + score
        + ", inferenceId="
        + (known ? reranking.inferenceId() : null)
        + ", field="
        + (known ? reranking.field() : null)
        + ", chunkScorerConfig="
        + (chunks == null ? null : chunks.complete())
        + "}";
  }
}

package esrag.modules.retriever;

import java.io.IOException;
import java.util.Arrays;
import org.apache.lucene.search.Explanation;
import org.elasticsearch.common.io.stream.StreamInput;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.search.rank.RankDoc;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentBuilder;

/** A document with the normalized scores that a linear combination made its score of. */
public final class LinearRankDoc extends RankDoc {
  /** The name under which nodes exchange it. */
  public static final String NAME = "linear_rank_doc";

  /** By ranking; 0 where a ranking does not hold the document. */
  private final float[] scores;

  private final float[] weights;
  private final String[] normalizers;

  LinearRankDoc(int document, int shard, float[] weights, String[] normalizers) {
    super(document, 0f, shard);
    this.scores = new float[weights.length];
    this.weights = weights;
    this.normalizers = normalizers;
  }

  public LinearRankDoc(StreamInput in) throws IOException {
    super(in);
    scores = in.readFloatArray();
    weights = in.readFloatArray();
    normalizers = in.readStringArray();
  }

  void add(int ranking, float normalized) {
    scores[ranking] = normalized;
    score += weights[ranking] * normalized;
  }

  @Override
  public Explanation explain(Explanation[] sources, String[] names) {
    Explanation[] details = new Explanation[sources.length];
    for (int i = 0; i < sources.length; i++) {
      details[i] = explain(i, sources[i], names[i]);
    }
    String summary =
        "weighted linear combination score: ["
            + score
            + "] computed for normalized scores "
            + Arrays.toString(scores)
            + " and weights "
            + Arrays.toString(weights)
            + " as sum of (weight[i] * score[i]) for each query.";
    return Explanation.match(score, summary, details);
  }

  /** A normalized score of 0 is told as not found, whether it is so or not. */
  private Explanation explain(int ranking, Explanation source, String name) {
    String place = QueryPlace.of(ranking, name);
    if (scores[ranking] <= 0) {
      return Explanation.noMatch("weighted score: [0], result not found " + place);
    }
    float part = weights[ranking] * scores[ranking];
    return Explanation.match(
        part,
        "weighted score: ["
            + part
            + "] "
            + place
            + " computed as ["
            + weights[ranking]
            + " * "
            + scores[ranking]
            + "] using score normalizer ["
            + normalizers[ranking]
            + "] for original matching query with score:",
        source);
  }

  @Override
  protected void doWriteTo(StreamOutput out) throws IOException {
    out.writeFloatArray(scores);
    out.writeFloatArray(weights);
    out.writeStringArray(normalizers);
  }

  @Override
  protected void doToXContent(XContentBuilder builder, ToXContent.Params params)
      throws IOException {
    builder.field("normalizedScores", scores);
    builder.field("weights", weights);
    builder.field("normalizers", normalizers);
  }

  @Override
  public String getWriteableName() {
    return NAME;
  }

  @Override
  protected boolean doEquals(RankDoc other) {
    return other instanceof LinearRankDoc doc
        && Arrays.equals(scores, doc.scores)
        && Arrays.equals(weights, doc.weights)
        && Arrays.equals(normalizers, doc.normalizers);
  }

  @Override
  protected int doHashCode() {
    return 31 * (31 * Arrays.hashCode(scores) + Arrays.hashCode(weights))
        + Arrays.hashCode(normalizers);
  }
}

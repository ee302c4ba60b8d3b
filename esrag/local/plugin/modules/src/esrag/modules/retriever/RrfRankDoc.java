package esrag.modules.retriever;

import java.io.IOException;
import java.util.Arrays;
import org.apache.lucene.search.Explanation;
import org.elasticsearch.common.io.stream.StreamInput;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.search.rank.RankDoc;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentBuilder;

/** A document with the ranks that reciprocal rank fusion made its score of. */
public final class RrfRankDoc extends RankDoc {
  /** The name under which nodes exchange it. */
  public static final String NAME = "rrf_rank_doc";

  /** By ranking, from 1; {@link RankDoc#NO_RANK} where a ranking does not hold the document. */
  private final int[] ranks;

  private final float[] scores;
  private final ReciprocalRank formula;

  RrfRankDoc(int document, int shard, int rankings, ReciprocalRank formula) {
    super(document, 0f, shard);
    this.ranks = new int[rankings];
    this.scores = new float[rankings];
    this.formula = formula;
    Arrays.fill(ranks, NO_RANK);
  }

  public RrfRankDoc(StreamInput in) throws IOException {
    super(in);
    ranks = in.readIntArray();
    scores = in.readFloatArray();
    formula =
        new ReciprocalRank(in.readVInt(), in.readCollectionAsImmutableList(StreamInput::readFloat));
  }

  void add(int ranking, int position, float part) {
    ranks[ranking] = position;
    scores[ranking] = part;
    score += part;
  }

  @Override
  public Explanation explain(Explanation[] sources, String[] names) {
    Explanation[] details = new Explanation[sources.length];
    for (int i = 0; i < sources.length; i++) {
      details[i] = explain(i, sources[i], names[i]);
    }
    String summary =
        "rrf score: ["
            + score
            + "] computed for initial ranks "
            + Arrays.toString(Arrays.stream(ranks).map(r -> r == NO_RANK ? 0 : r).toArray())
            + " with rankConstant: ["
            + formula.constant()
            + "] as sum of [1 / (rank + rankConstant)] for each query";
    return Explanation.match(score, summary, details);
  }

  /** Weights do not show in an explanation, as they do not in the module. */
  private Explanation explain(int ranking, Explanation source, String name) {
    String place = QueryPlace.of(ranking, name);
    int position = ranks[ranking];
    if (position == NO_RANK) {
      return Explanation.noMatch("rrf score: [0], result not found " + place);
    }
    return Explanation.match(
        position,
        "rrf score: ["
            + formula.score(position)
            + "], for rank ["
            + position
            + "] "
            + place
            + " computed as [1 / ("
            + position
            + " + "
            + formula.constant()
            + ")], for matching query with score",
        source);
  }

  @Override
  protected void doWriteTo(StreamOutput out) throws IOException {
    out.writeIntArray(ranks);
    out.writeFloatArray(scores);
    out.writeVInt(formula.constant());
    out.writeCollection(formula.weights(), StreamOutput::writeFloat);
  }

  @Override
  protected void doToXContent(XContentBuilder builder, ToXContent.Params params)
      throws IOException {
    builder.field("positions", ranks);
    builder.field("scores", scores);
    builder.field("rankConstant", formula.constant());
  }

  @Override
  public String getWriteableName() {
    return NAME;
  }

  @Override
  protected boolean doEquals(RankDoc other) {
    return other instanceof RrfRankDoc doc
        && formula.equals(doc.formula)
        && Arrays.equals(ranks, doc.ranks)
        && Arrays.equals(scores, doc.scores);
  }

  @Override
  protected int doHashCode() {
    return 31 * (31 * Arrays.hashCode(ranks) + Arrays.hashCode(scores)) + formula.hashCode();
  }
}

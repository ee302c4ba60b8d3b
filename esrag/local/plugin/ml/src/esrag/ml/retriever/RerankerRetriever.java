package esrag.ml.retriever;

import esrag.ml.licence.Tier;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.lucene.search.ScoreDoc;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.index.query.QueryBuilder;
import org.elasticsearch.license.License;
import org.elasticsearch.license.LicenseUtils;
import org.elasticsearch.license.LicensedFeature;
import org.elasticsearch.search.builder.SearchSourceBuilder;
import org.elasticsearch.search.rank.RankBuilder;
import org.elasticsearch.search.rank.RankDoc;
import org.elasticsearch.search.retriever.CompoundRetrieverBuilder;
import org.elasticsearch.search.retriever.RetrieverBuilder;
import org.elasticsearch.search.retriever.RetrieverParserContext;
import org.elasticsearch.xcontent.ConstructingObjectParser;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xpack.core.XPackPlugin;

/**
 * The retriever {@code text_similarity_reranker}: the hits of another retriever in the order that a
 * reranking endpoint gives them. The search itself, in two phases, is the server's own.
 */
public final class RerankerRetriever extends CompoundRetrieverBuilder<RerankerRetriever> {
  public static final String NAME = "text_similarity_reranker";

  /** The endpoint of the real server's own reranking model, which is not here. */
  private static final String STANDARD_ENDPOINT = ".rerank-v1-elasticsearch";

  private static final LicensedFeature.Momentary FEATURE =
      LicensedFeature.momentary(null, "text-similarity-reranker", License.OperationMode.ENTERPRISE);
  private static final ParseField RETRIEVER = new ParseField("retriever");
  private static final ParseField INFERENCE_ID = new ParseField("inference_id");
  private static final ParseField INFERENCE_TEXT = new ParseField("inference_text");
  private static final ParseField FIELD = new ParseField("field");
  private static final ParseField FAILURES_ALLOWED = new ParseField("allow_rerank_failures");

  private static final ConstructingObjectParser<RerankerRetriever, RetrieverParserContext> PARSER =
      new ConstructingObjectParser<>(NAME, RerankerRetriever::ofParsed);

  static {
    PARSER.declareNamedObject(
        ConstructingObjectParser.constructorArg(),
        (parser, context, name) -> {
          RetrieverBuilder inner = parser.namedObject(RetrieverBuilder.class, name, context);
          context.trackRetrieverUsage(inner);
          return inner;
        },
        RETRIEVER);
    PARSER.declareString(ConstructingObjectParser.optionalConstructorArg(), INFERENCE_ID);
    PARSER.declareString(ConstructingObjectParser.constructorArg(), INFERENCE_TEXT);
    PARSER.declareString(ConstructingObjectParser.constructorArg(), FIELD);
    PARSER.declareInt(ConstructingObjectParser.optionalConstructorArg(), RANK_WINDOW_SIZE_FIELD);
    PARSER.declareBoolean(ConstructingObjectParser.optionalConstructorArg(), FAILURES_ALLOWED);
    PARSER.declareObject(
        ConstructingObjectParser.optionalConstructorArg(),
        (parser, context) -> BestChunks.PARSER.apply(parser, null),
        BestChunks.NAME);
    RetrieverBuilder.declareBaseParserFields(PARSER);
  }

  private final Reranking reranking;

  private RerankerRetriever(List<RetrieverSource> inner, Reranking reranking, int rankWindowSize) {
    super(inner, rankWindowSize);
    this.reranking = reranking;
  }

  /** Reads the retriever's own object; the entry point for the search parser. */
  public static RerankerRetriever fromXContent(
      XContentParser parser, RetrieverParserContext context) throws IOException {
    if (Tier.refusesEnterprise() || FEATURE.check(XPackPlugin.getSharedLicenseState()) == false) {
      throw LicenseUtils.newComplianceException(NAME);
    }
    return PARSER.apply(parser, context);
  }

  /** What nodes exchange of it. */
  public static List<NamedWriteableRegistry.Entry> writeables() {
    return List.of(
        new NamedWriteableRegistry.Entry(RankBuilder.class, NAME, RerankerRank::new),
        new NamedWriteableRegistry.Entry(
            RankDoc.class, RerankerRankDoc.NAME, RerankerRankDoc::new));
  }

  private static RerankerRetriever ofParsed(Object[] arguments) {
    Reranking reranking =
        new Reranking(
            arguments[1] == null ? STANDARD_ENDPOINT : (String) arguments[1],
            (String) arguments[2],
            (String) arguments[3],
            null,
            Boolean.TRUE.equals(arguments[5]),
            (BestChunks) arguments[6]);
    return new RerankerRetriever(
        new ArrayList<>(List.of(RetrieverSource.from((RetrieverBuilder) arguments[0]))),
        reranking,
        arguments[4] == null ? RankBuilder.DEFAULT_RANK_WINDOW_SIZE : (Integer) arguments[4]);
  }

  @Override
  protected RerankerRetriever clone(List<RetrieverSource> inner, List<QueryBuilder> filters) {
    RerankerRetriever copy = new RerankerRetriever(inner, reranking, rankWindowSize);
    copy.preFilterQueryBuilders = filters;
    copy.retrieverName = retrieverName;
    copy.minScore = minScore;
    return copy;
  }

  /** The one inner retriever is searched with the reranker as its second phase. */
  @Override
  protected SearchSourceBuilder finalizeSourceBuilder(SearchSourceBuilder source) {
    return source.rankBuilder(new RerankerRank(reranking.withMinScore(minScore), rankWindowSize));
  }

  /** The reranked hits; the least score holds for the scores that are shown, too. */
  @Override
  protected RankDoc[] combineInnerRetrieverResults(List<ScoreDoc[]> rankings, boolean explain) {
    List<RankDoc> kept = new ArrayList<>();
    for (ScoreDoc hit : rankings.getFirst()) {
      if (minScore == null || hit.score >= minScore) {
        kept.add(new RerankerRankDoc(hit, explain ? reranking : null));
      }
    }
    return kept.toArray(new RankDoc[0]);
  }

  @Override
  public String getName() {
    return NAME;
  }

  @Override
  protected void doToXContent(XContentBuilder builder, Params params) throws IOException {
    builder.field(RETRIEVER.getPreferredName(), innerRetrievers.getFirst().retriever());
    builder.field(INFERENCE_ID.getPreferredName(), reranking.inferenceId());
    builder.field(INFERENCE_TEXT.getPreferredName(), reranking.question());
    builder.field(FIELD.getPreferredName(), reranking.field());
    builder.field(RANK_WINDOW_SIZE_FIELD.getPreferredName(), rankWindowSize);
    if (reranking.failuresAllowed()) {
      builder.field(FAILURES_ALLOWED.getPreferredName(), true);
    }
    if (reranking.chunks() != null) {
      reranking.chunks().toXContent(builder, params);
    }
  }

  @Override
  public boolean doEquals(Object other) {
    return super.doEquals(other)
        && other instanceof RerankerRetriever that
        && reranking.equals(that.reranking);
  }

  @Override
  public int doHashCode() {
    return Objects.hash(super.doHashCode(), reranking);
  }
}

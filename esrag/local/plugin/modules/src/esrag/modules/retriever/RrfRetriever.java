package esrag.modules.retriever;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.lucene.search.ScoreDoc;
import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.index.query.QueryBuilder;
import org.elasticsearch.search.builder.SearchSourceBuilder;
import org.elasticsearch.search.rank.RankBuilder;
import org.elasticsearch.search.rank.RankDoc;
import org.elasticsearch.search.retriever.CompoundRetrieverBuilder;
import org.elasticsearch.search.retriever.RetrieverParserContext;
import org.elasticsearch.xcontent.ConstructingObjectParser;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentParser;

/**
 * The {@code rrf} retriever: fuses the rankings of its inner retrievers by reciprocal rank; stands
 * for the rank-rrf module. Filters, paging, aggregations and limits are the core's.
 */
public final class RrfRetriever extends CompoundRetrieverBuilder<RrfRetriever> {
  public static final String NAME = "rrf";

  private static final ConstructingObjectParser<RrfRetriever, RetrieverParserContext> PARSER =
      new ConstructingObjectParser<>(NAME, false, RrfRetriever::ofParsed);

  static {
    PARSER.declareObjectArray(
        ConstructingObjectParser.optionalConstructorArg(),
        (parser, context) -> WeightedRetriever.parse(parser, context, false),
        new ParseField("retrievers"));
    PARSER.declareStringArray(
        ConstructingObjectParser.optionalConstructorArg(), new ParseField("fields"));
    PARSER.declareString(
        ConstructingObjectParser.optionalConstructorArg(), new ParseField("query"));
    PARSER.declareInt(ConstructingObjectParser.optionalConstructorArg(), RANK_WINDOW_SIZE_FIELD);
    PARSER.declareInt(
        ConstructingObjectParser.optionalConstructorArg(), new ParseField("rank_constant"));
    RetrieverParsing.declareCommonFields(PARSER);
  }

  private final ReciprocalRank formula;
  private final FieldsQuery shortForm;
  private final boolean hasRetrievers;

  private RrfRetriever(
      List<RetrieverSource> inner,
      ReciprocalRank formula,
      FieldsQuery shortForm,
      boolean hasRetrievers,
      int rankWindowSize) {
    super(inner, rankWindowSize);
    if (formula.constant() < 1) {
      throw new IllegalArgumentException(
          "[rank_constant] must be greater or equal to [1] for [" + NAME + "]");
    }
    this.formula = formula;
    this.shortForm = shortForm;
    this.hasRetrievers = hasRetrievers;
  }

  /** Reads the retriever's own object; the entry point for the search parser. */
  public static RrfRetriever fromXContent(XContentParser parser, RetrieverParserContext context)
      throws IOException {
    RetrieverLicence.RRF.check();
    return PARSER.apply(parser, context);
  }

  private static RrfRetriever ofParsed(Object[] arguments) {
    @SuppressWarnings("unchecked") // what the first declared field parses to
    List<WeightedRetriever> given = (List<WeightedRetriever>) arguments[0];
    @SuppressWarnings("unchecked") // what the second declared field parses to
    List<String> fields = (List<String>) arguments[1];
    List<WeightedRetriever> children = new ArrayList<>(given == null ? List.of() : given);
    FieldsQuery shortForm = new FieldsQuery(fields, (String) arguments[2]);
    if (children.isEmpty() && shortForm.isUsable()) {
      children.add(
          new WeightedRetriever(shortForm.retriever(), WeightedRetriever.DEFAULT_WEIGHT, null));
    }
    int window =
        arguments[3] == null ? RankBuilder.DEFAULT_RANK_WINDOW_SIZE : (Integer) arguments[3];
    int constant = arguments[4] == null ? ReciprocalRank.DEFAULT_CONSTANT : (Integer) arguments[4];
    List<Float> weights = children.stream().map(WeightedRetriever::weight).toList();
    RrfRetriever retriever =
        new RrfRetriever(
            new ArrayList<>(),
            new ReciprocalRank(constant, weights),
            shortForm,
            given != null && !given.isEmpty(),
            window);
    children.forEach(child -> retriever.addChild(child.retriever()));
    return retriever;
  }

  @Override
  protected RrfRetriever clone(List<RetrieverSource> inner, List<QueryBuilder> filters) {
    RrfRetriever copy = new RrfRetriever(inner, formula, shortForm, hasRetrievers, rankWindowSize);
    copy.preFilterQueryBuilders = filters;
    copy.retrieverName = retrieverName;
    copy.minScore = minScore;
    return copy;
  }

  @Override
  protected RankDoc[] combineInnerRetrieverResults(List<ScoreDoc[]> rankings, boolean explain) {
    Map<DocumentKey, RrfRankDoc> fused = new HashMap<>();
    for (int ranking = 0; ranking < rankings.size(); ranking++) {
      ScoreDoc[] hits = rankings.get(ranking);
      for (int i = 0; i < hits.length; i++) {
        RrfRankDoc doc =
            fused.computeIfAbsent(
                DocumentKey.of(hits[i]),
                key -> new RrfRankDoc(key.document(), key.shard(), rankings.size(), formula));
        doc.add(ranking, i + 1, formula.score(ranking, i + 1));
      }
    }
    return Ranking.best(fused.values(), rankWindowSize).toArray(RankDoc[]::new);
  }

  @Override
  public ActionRequestValidationException validate(
      SearchSourceBuilder source,
      ActionRequestValidationException errors,
      boolean isScroll,
      boolean allowPartialSearchResults) {
    return shortForm.validate(
        NAME, hasRetrievers, super.validate(source, errors, isScroll, allowPartialSearchResults));
  }

  @Override
  public String getName() {
    return NAME;
  }

  @Override
  protected void doToXContent(XContentBuilder builder, ToXContent.Params params)
      throws IOException {
    shortForm.toXContent(builder);
    if (hasRetrievers) {
      builder.startArray("retrievers");
      for (int i = 0; i < innerRetrievers.size(); i++) {
        builder.startObject();
        builder.field("retriever", innerRetrievers.get(i).retriever());
        builder.field("weight", formula.weights().get(i));
        builder.endObject();
      }
      builder.endArray();
    }
    builder.field(RANK_WINDOW_SIZE_FIELD.getPreferredName(), rankWindowSize);
    builder.field("rank_constant", formula.constant());
  }

  @Override
  public boolean doEquals(Object other) {
    return super.doEquals(other)
        && other instanceof RrfRetriever retriever
        && formula.equals(retriever.formula)
        && shortForm.equals(retriever.shortForm);
  }

  @Override
  public int doHashCode() {
    return Objects.hash(super.doHashCode(), formula, shortForm);
  }
}

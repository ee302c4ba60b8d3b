package esrag.modules.retriever;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.apache.lucene.search.ScoreDoc;
import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.index.query.QueryBuilder;
import org.elasticsearch.index.query.QueryRewriteContext;
import org.elasticsearch.search.builder.SearchSourceBuilder;
import org.elasticsearch.search.rank.RankBuilder;
import org.elasticsearch.search.rank.RankDoc;
import org.elasticsearch.search.retriever.CompoundRetrieverBuilder;
import org.elasticsearch.search.retriever.RetrieverBuilder;
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
        WeightedRetriever::ofRrf,
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

  private RrfRetriever(
      List<RetrieverSource> inner,
      ReciprocalRank formula,
      FieldsQuery shortForm,
      int rankWindowSize) {
    super(inner, rankWindowSize);
    this.formula = formula;
    this.shortForm = shortForm;
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
    int window =
        arguments[3] == null ? RankBuilder.DEFAULT_RANK_WINDOW_SIZE : (Integer) arguments[3];
    int constant = arguments[4] == null ? ReciprocalRank.DEFAULT_CONSTANT : (Integer) arguments[4];
    List<WeightedRetriever> children = given == null ? List.of() : given;
    return new RrfRetriever(
        children.stream()
            .map(child -> RetrieverSource.from(child.retriever()))
            .collect(Collectors.toCollection(ArrayList::new)),
        new ReciprocalRank(constant, children.stream().map(WeightedRetriever::weight).toList()),
        new FieldsQuery(fields, (String) arguments[2]),
        window);
  }

  /** Writes the short form out, once it is known which indices are searched. */
  @Override
  protected RetrieverBuilder doRewrite(QueryRewriteContext context) {
    if (!shortForm.isWrittenOutIn(context)) {
      return this;
    }
    RetrieverBuilder match = shortForm.retriever(NAME, context.getResolvedIndices());
    List<RetrieverSource> inner = new ArrayList<>(List.of(RetrieverSource.from(match)));
    ReciprocalRank single =
        new ReciprocalRank(formula.constant(), List.of(WeightedRetriever.DEFAULT_WEIGHT));
    return copy(
        new RrfRetriever(inner, single, new FieldsQuery(null, null), rankWindowSize),
        preFilterQueryBuilders);
  }

  @Override
  protected RrfRetriever clone(List<RetrieverSource> inner, List<QueryBuilder> filters) {
    return copy(new RrfRetriever(inner, formula, shortForm, rankWindowSize), filters);
  }

  private RrfRetriever copy(RrfRetriever copy, List<QueryBuilder> filters) {
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
        doc.add(ranking, i + 1, formula.part(ranking, i + 1));
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
        NAME,
        !innerRetrievers.isEmpty(),
        super.validate(source, errors, isScroll, allowPartialSearchResults));
  }

  @Override
  public String getName() {
    return NAME;
  }

  @Override
  protected void doToXContent(XContentBuilder builder, ToXContent.Params params)
      throws IOException {
    shortForm.toXContent(builder);
    if (!innerRetrievers.isEmpty()) {
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

package esrag.modules.retriever;

import static org.elasticsearch.action.ValidateActions.addValidationError;

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
 * The {@code linear} retriever: adds up the weighted, normalized scores of its inner retrievers;
 * stands for the one of the rank-rrf module.
 */
public final class LinearRetriever extends CompoundRetrieverBuilder<LinearRetriever> {
  public static final String NAME = "linear";

  private static final ConstructingObjectParser<LinearRetriever, RetrieverParserContext> PARSER =
      new ConstructingObjectParser<>(NAME, false, LinearRetriever::ofParsed);

  static {
    PARSER.declareObjectArray(
        ConstructingObjectParser.optionalConstructorArg(),
        WeightedRetriever::ofLinear,
        new ParseField("retrievers"));
    PARSER.declareStringArray(
        ConstructingObjectParser.optionalConstructorArg(), new ParseField("fields"));
    PARSER.declareString(
        ConstructingObjectParser.optionalConstructorArg(), new ParseField("query"));
    PARSER.declareString(
        ConstructingObjectParser.optionalConstructorArg(), new ParseField("normalizer"));
    PARSER.declareInt(ConstructingObjectParser.optionalConstructorArg(), RANK_WINDOW_SIZE_FIELD);
    RetrieverParsing.declareCommonFields(PARSER);
  }

  private final List<WeightedRetriever> parts;
  private final FieldsQuery shortForm;
  private final ScoreNormalizer normalizer;

  /**
   * @param parts the given entries in the order of the inner retrievers; only their weights and
   *     normalizers are used, as inner retrievers are rewritten on the way
   */
  private LinearRetriever(
      List<RetrieverSource> inner,
      List<WeightedRetriever> parts,
      FieldsQuery shortForm,
      ScoreNormalizer normalizer,
      int rankWindowSize) {
    super(inner, rankWindowSize);
    this.parts = parts;
    this.shortForm = shortForm;
    this.normalizer = normalizer;
  }

  /** Reads the retriever's own object; the entry point for the search parser. */
  public static LinearRetriever fromXContent(XContentParser parser, RetrieverParserContext context)
      throws IOException {
    RetrieverLicence.LINEAR.check();
    return PARSER.apply(parser, context);
  }

  private static LinearRetriever ofParsed(Object[] arguments) {
    @SuppressWarnings("unchecked") // what the first declared field parses to
    List<WeightedRetriever> given = (List<WeightedRetriever>) arguments[0];
    @SuppressWarnings("unchecked") // what the second declared field parses to
    List<String> fields = (List<String>) arguments[1];
    ScoreNormalizer normalizer =
        arguments[3] == null ? null : ScoreNormalizer.of((String) arguments[3]);
    int window =
        arguments[4] == null ? RankBuilder.DEFAULT_RANK_WINDOW_SIZE : (Integer) arguments[4];
    List<WeightedRetriever> parts = given == null ? List.of() : List.copyOf(given);
    return new LinearRetriever(
        sources(parts), parts, new FieldsQuery(fields, (String) arguments[2]), normalizer, window);
  }

  private static List<RetrieverSource> sources(List<WeightedRetriever> parts) {
    return parts.stream()
        .map(part -> RetrieverSource.from(part.retriever()))
        .collect(Collectors.toCollection(ArrayList::new));
  }

  /** Writes the short form out, once it is known which indices are searched. */
  @Override
  protected RetrieverBuilder doRewrite(QueryRewriteContext context) {
    if (!shortForm.isWrittenOutIn(context)) {
      return this;
    }
    RetrieverBuilder match = shortForm.retriever(NAME, context.getResolvedIndices());
    List<WeightedRetriever> single =
        List.of(new WeightedRetriever(match, WeightedRetriever.DEFAULT_WEIGHT, normalizer));
    return copy(
        new LinearRetriever(
            sources(single), single, new FieldsQuery(null, null), normalizer, rankWindowSize),
        preFilterQueryBuilders);
  }

  /** Children that are sorted by a field have to tell their scores as well. */
  @Override
  protected SearchSourceBuilder finalizeSourceBuilder(SearchSourceBuilder source) {
    return source.trackScores(true);
  }

  @Override
  protected LinearRetriever clone(List<RetrieverSource> inner, List<QueryBuilder> filters) {
    return copy(new LinearRetriever(inner, parts, shortForm, normalizer, rankWindowSize), filters);
  }

  private LinearRetriever copy(LinearRetriever copy, List<QueryBuilder> filters) {
    if (minScore != null && minScore < 0) {
      throw new IllegalArgumentException(
          "[min_score] must be greater than or equal to 0, was: [" + minScore + "]");
    }
    copy.preFilterQueryBuilders = filters;
    copy.retrieverName = retrieverName;
    copy.minScore = minScore;
    return copy;
  }

  @Override
  protected RankDoc[] combineInnerRetrieverResults(List<ScoreDoc[]> rankings, boolean explain) {
    float[] weights = new float[rankings.size()];
    String[] normalizers = new String[rankings.size()];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = parts.get(i).weight();
      normalizers[i] = normalizerOf(i).apiName();
    }
    Map<DocumentKey, LinearRankDoc> fused = new HashMap<>();
    for (int ranking = 0; ranking < weights.length; ranking++) {
      ScoreDoc[] hits = rankings.get(ranking);
      float[] scores = normalizerOf(ranking).normalize(hits);
      for (int i = 0; i < hits.length; i++) {
        fused
            .computeIfAbsent(
                DocumentKey.of(hits[i]),
                key -> new LinearRankDoc(key.document(), key.shard(), weights, normalizers))
            .add(ranking, scores[i]);
      }
    }
    return Ranking.best(fused.values(), rankWindowSize).toArray(RankDoc[]::new);
  }

  /** An entry's own normalizer, else the retriever's, else none. */
  private ScoreNormalizer normalizerOf(int ranking) {
    ScoreNormalizer own = parts.get(ranking).normalizer();
    if (own != null) {
      return own;
    }
    return normalizer == null ? ScoreNormalizer.NONE : normalizer;
  }

  @Override
  public ActionRequestValidationException validate(
      SearchSourceBuilder source,
      ActionRequestValidationException errors,
      boolean isScroll,
      boolean allowPartialSearchResults) {
    ActionRequestValidationException found =
        shortForm.validate(
            NAME,
            !innerRetrievers.isEmpty(),
            super.validate(source, errors, isScroll, allowPartialSearchResults));
    if (shortForm.query() != null && normalizer == null) {
      found =
          addValidationError(
              "[linear] [normalizer] must be provided when [query] is specified", found);
    }
    return found;
  }

  @Override
  public String getName() {
    return NAME;
  }

  @Override
  protected void doToXContent(XContentBuilder builder, ToXContent.Params params)
      throws IOException {
    shortForm.toXContent(builder);
    if (normalizer != null) {
      builder.field("normalizer", normalizer.apiName());
    }
    if (!innerRetrievers.isEmpty()) {
      builder.startArray("retrievers");
      for (int i = 0; i < innerRetrievers.size(); i++) {
        builder.startObject();
        builder.field("retriever", innerRetrievers.get(i).retriever());
        builder.field("weight", parts.get(i).weight());
        builder.field("normalizer", normalizerOf(i).apiName());
        builder.endObject();
      }
      builder.endArray();
    }
    builder.field(RANK_WINDOW_SIZE_FIELD.getPreferredName(), rankWindowSize);
  }

  @Override
  public boolean doEquals(Object other) {
    return super.doEquals(other)
        && other instanceof LinearRetriever retriever
        && parts.equals(retriever.parts)
        && shortForm.equals(retriever.shortForm)
        && normalizer == retriever.normalizer;
  }

  @Override
  public int doHashCode() {
    return Objects.hash(super.doHashCode(), parts, shortForm, normalizer);
  }
}

package esrag.modules.retriever;

import static org.elasticsearch.action.ValidateActions.addValidationError;

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
        (parser, context) -> WeightedRetriever.parse(parser, context, true),
        new ParseField("retrievers"));
    PARSER.declareStringArray(
        ConstructingObjectParser.optionalConstructorArg(), new ParseField("fields"));
    PARSER.declareString(
        ConstructingObjectParser.optionalConstructorArg(), new ParseField("query"));
    PARSER.declareString(
        ConstructingObjectParser.optionalConstructorArg(),
        ScoreNormalizer::of,
        new ParseField("normalizer"));
    PARSER.declareInt(ConstructingObjectParser.optionalConstructorArg(), RANK_WINDOW_SIZE_FIELD);
    RetrieverParsing.declareCommonFields(PARSER);
  }

  private final List<WeightedRetriever> parts;
  private final FieldsQuery shortForm;
  private final ScoreNormalizer normalizer;
  private final boolean hasRetrievers;

  /**
   * @param parts the given entries in the order of the inner retrievers; only their weights and
   *     normalizers are used, as inner retrievers are rewritten on the way
   */
  private LinearRetriever(
      List<RetrieverSource> inner,
      List<WeightedRetriever> parts,
      FieldsQuery shortForm,
      ScoreNormalizer normalizer,
      boolean hasRetrievers,
      int rankWindowSize) {
    super(inner, rankWindowSize);
    this.parts = parts;
    this.shortForm = shortForm;
    this.normalizer = normalizer;
    this.hasRetrievers = hasRetrievers;
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
    List<WeightedRetriever> parts = new ArrayList<>(given == null ? List.of() : given);
    FieldsQuery shortForm = new FieldsQuery(fields, (String) arguments[2]);
    ScoreNormalizer normalizer = (ScoreNormalizer) arguments[3];
    if (parts.isEmpty() && shortForm.isUsable()) {
      parts.add(
          new WeightedRetriever(
              shortForm.retriever(), WeightedRetriever.DEFAULT_WEIGHT, normalizer));
    }
    int window =
        arguments[4] == null ? RankBuilder.DEFAULT_RANK_WINDOW_SIZE : (Integer) arguments[4];
    LinearRetriever retriever =
        new LinearRetriever(
            new ArrayList<>(),
            List.copyOf(parts),
            shortForm,
            normalizer,
            given != null && !given.isEmpty(),
            window);
    parts.forEach(part -> retriever.addChild(part.retriever()));
    return retriever;
  }

  @Override
  protected LinearRetriever clone(List<RetrieverSource> inner, List<QueryBuilder> filters) {
    LinearRetriever copy =
        new LinearRetriever(inner, parts, shortForm, normalizer, hasRetrievers, rankWindowSize);
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
            hasRetrievers,
            super.validate(source, errors, isScroll, allowPartialSearchResults));
    if (shortForm.query() != null && normalizer == null) {
      found =
          addValidationError(
              "[linear] [normalizer] must be provided when [query] is specified", found);
    }
    if (minScore != null && minScore < 0) {
      found =
          addValidationError(
              "[min_score] must be greater than or equal to 0, was: [" + minScore + "]", found);
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
    if (hasRetrievers) {
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

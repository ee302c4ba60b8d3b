package esrag.modules.retriever;

import static org.elasticsearch.action.ValidateActions.addValidationError;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.action.ResolvedIndices;
import org.elasticsearch.index.query.MatchNoneQueryBuilder;
import org.elasticsearch.index.query.MultiMatchQueryBuilder;
import org.elasticsearch.index.query.QueryBuilder;
import org.elasticsearch.index.query.QueryRewriteContext;
import org.elasticsearch.index.search.QueryParserHelper;
import org.elasticsearch.search.retriever.StandardRetrieverBuilder;
import org.elasticsearch.xcontent.XContentBuilder;

/**
 * The short form of a compound retriever: one query text over several fields, or over the index's
 * default fields. As there are no semantic fields here, it is one lexical query.
 */
record FieldsQuery(List<String> fields, String query) {

  /** Whether a rewrite that knows the indices has this form to write out. */
  boolean isWrittenOutIn(QueryRewriteContext context) {
    return query != null && context.getResolvedIndices() != null;
  }

  /**
   * What the form stands for.
   *
   * @param name the compound retriever's, for its messages
   */
  StandardRetrieverBuilder retriever(String name, ResolvedIndices indices) {
    if (!indices.getRemoteClusterIndices().isEmpty()) {
      throw new IllegalArgumentException(
          "[" + name + "] cannot specify [query] when querying remote indices");
    }
    return new StandardRetrieverBuilder(
        indices.getConcreteLocalIndicesMetadata().isEmpty()
            ? new MatchNoneQueryBuilder()
            : match(name));
  }

  private QueryBuilder match(String name) {
    MultiMatchQueryBuilder match =
        new MultiMatchQueryBuilder(query).type(MultiMatchQueryBuilder.Type.MOST_FIELDS);
    if (fields != null) {
      Map<String, Float> weights = QueryParserHelper.parseFieldsAndWeights(fields);
      if (weights.values().stream().anyMatch(weight -> weight < 0)) {
        throw new IllegalArgumentException("[" + name + "] per-field weights must be non-negative");
      }
      match.fields(weights);
    }
    return match;
  }

  /** Says what speaks against the combination of this form with a list of retrievers. */
  ActionRequestValidationException validate(
      String name, boolean hasRetrievers, ActionRequestValidationException errors) {
    String prefix = "[" + name + "] ";
    if (query == null) {
      if (fields != null) {
        return addValidationError(
            prefix + "[query] must be provided when [fields] is specified", errors);
      }
      return hasRetrievers
          ? errors
          : addValidationError(prefix + "must provide [retrievers] or [query]", errors);
    }
    ActionRequestValidationException found = errors;
    if (query.isEmpty()) {
      found = addValidationError(prefix + "[query] cannot be empty", found);
    }
    if (fields != null && fields.isEmpty()) {
      found = addValidationError(prefix + "[fields] cannot be empty", found);
    }
    if (hasRetrievers) {
      found = addValidationError(prefix + "cannot combine [retrievers] and [query]", found);
    }
    return found;
  }

  void toXContent(XContentBuilder builder) throws IOException {
    if (fields != null) {
      builder.field("fields", fields);
    }
    if (query != null) {
      builder.field("query", query);
    }
  }
}

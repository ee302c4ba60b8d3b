package esrag.modules.retriever;

import static org.elasticsearch.action.ValidateActions.addValidationError;

import java.io.IOException;
import java.util.List;
import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.index.query.MultiMatchQueryBuilder;
import org.elasticsearch.index.search.QueryParserHelper;
import org.elasticsearch.search.retriever.StandardRetrieverBuilder;
import org.elasticsearch.xcontent.XContentBuilder;

/**
 * The short form of a compound retriever: one query text over several fields, or over the index's
 * default fields. As there are no semantic fields here, it is one lexical query.
 */
record FieldsQuery(List<String> fields, String query) {

  StandardRetrieverBuilder retriever() {
    MultiMatchQueryBuilder match =
        new MultiMatchQueryBuilder(query).type(MultiMatchQueryBuilder.Type.MOST_FIELDS);
    if (fields != null) {
      match.fields(QueryParserHelper.parseFieldsAndWeights(fields));
    }
    return new StandardRetrieverBuilder(match);
  }

  boolean isUsable() {
    return query != null && !query.isEmpty() && (fields == null || !fields.isEmpty());
  }

  /** Says what speaks against the combination of this form with a list of retrievers. */
  ActionRequestValidationException validate(
      String name, boolean hasRetrievers, ActionRequestValidationException errors) {
    ActionRequestValidationException found = errors;
    String prefix = "[" + name + "] ";
    if (fields != null && fields.isEmpty()) {
      found = addValidationError(prefix + "[fields] cannot be empty", found);
    }
    if (query == null) {
      if (fields != null) {
        found =
            addValidationError(
                prefix + "[query] must be provided when [fields] is specified", found);
      } else if (!hasRetrievers) {
        found = addValidationError(prefix + "must provide [retrievers] or [query]", found);
      }
    } else if (query.isEmpty()) {
      found = addValidationError(prefix + "[query] cannot be empty", found);
    } else if (hasRetrievers) {
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

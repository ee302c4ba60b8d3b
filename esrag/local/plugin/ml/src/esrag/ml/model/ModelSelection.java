package esrag.ml.model;

import esrag.ml.node.Catalogue;
import esrag.ml.node.StoredModel;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.elasticsearch.common.Strings;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.xpack.core.action.AbstractGetResourcesRequest;
import org.elasticsearch.xpack.core.action.util.ExpandedIdsMatcher;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/**
 * The models that an expression of ids, aliases and wildcards names, in the order of their ids, and
 * the page of them that was asked for. An id that names nothing on the page is the server's 404, as
 * it is on the server, which looks for unmatched ids after it has cut the page.
 */
public final class ModelSelection {
  private final List<StoredModel> all;
  private final List<StoredModel> page;

  /**
   * Selects.
   *
   * @param expression what names the models
   * @param request the page, and whether a wildcard may name nothing
   * @param tags the tags that a model must all have
   * @param known ids that name something else, which is no error
   */
  public ModelSelection(
      String expression,
      AbstractGetResourcesRequest request,
      Collection<String> tags,
      Set<String> known,
      Catalogue catalogue) {
    String[] tokens = Strings.tokenizeToStringArray(expression, ",");
    Set<String> wanted = withAliasedModels(tokens, catalogue);
    all =
        catalogue.models().stream()
            .filter(model -> matches(tokens, wanted, model.modelId()))
            .filter(model -> model.tags().containsAll(tags))
            .sorted(Comparator.comparing(StoredModel::modelId))
            .toList();
    int from = Math.min(request.getPageParams().getFrom(), all.size());
    page = all.subList(from, Math.min(from + request.getPageParams().getSize(), all.size()));
    Set<String> matched = new HashSet<>(known);
    for (StoredModel model : page) {
      matched.add(model.modelId());
      matched.addAll(catalogue.aliasesOf(model.modelId()));
    }
    ExpandedIdsMatcher matcher = new ExpandedIdsMatcher(tokens, request.isAllowNoResources());
    matcher.filterMatchedIds(matched);
    if (matcher.hasUnmatchedIds()) {
      throw ExceptionsHelper.missingTrainedModel(matcher.unmatchedIdsString());
    }
  }

  private static Set<String> withAliasedModels(String[] tokens, Catalogue catalogue) {
    Set<String> wanted = new HashSet<>(List.of(tokens));
    catalogue
        .aliases()
        .forEach(
            (alias, model) -> {
              if (Regex.simpleMatch(tokens, alias)) {
                wanted.add(model);
              }
            });
    return wanted;
  }

  private static boolean matches(String[] tokens, Set<String> wanted, String id) {
    return Strings.isAllOrWildcard(tokens) || wanted.contains(id) || Regex.simpleMatch(tokens, id);
  }

  /** How many there are on all pages. */
  public int count() {
    return all.size();
  }

  /** Those on the page. */
  public List<StoredModel> page() {
    return page;
  }
}

package esrag.ml.model;

import esrag.ml.node.StoredModel;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.elasticsearch.xpack.core.action.AbstractGetResourcesRequest;
import org.elasticsearch.xpack.core.action.util.ExpandedIdsMatcher;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/**
 * The models an expression of ids and wildcards names, in the order of their ids. An id that names
 * nothing is the server's 404.
 */
final class ModelSelection {
  private final List<StoredModel> named;

  ModelSelection(AbstractGetResourcesRequest request, List<StoredModel> models) {
    String expression = request.getResourceId() == null ? "_all" : request.getResourceId();
    ExpandedIdsMatcher matcher = new ExpandedIdsMatcher(expression, request.isAllowNoResources());
    named =
        models.stream()
            .filter(model -> matches(matcher, expression, model.modelId()))
            .sorted(Comparator.comparing(StoredModel::modelId))
            .toList();
    Set<String> ids = new HashSet<>();
    named.forEach(model -> ids.add(model.modelId()));
    matcher.filterMatchedIds(ids);
    if (matcher.hasUnmatchedIds()) {
      throw ExceptionsHelper.missingTrainedModel(matcher.unmatchedIdsString());
    }
  }

  private static boolean matches(ExpandedIdsMatcher matcher, String expression, String id) {
    return expression.equals("_all") || expression.equals("*") || matcher.idMatches(id);
  }

  /** The named models that also satisfy a condition. */
  List<StoredModel> matching(Predicate<StoredModel> condition) {
    return named.stream().filter(condition).toList();
  }

  /** The stretch of a list that the request's from and size ask for. */
  static <T> List<T> page(AbstractGetResourcesRequest request, List<T> all) {
    int from = Math.min(request.getPageParams().getFrom(), all.size());
    int to = Math.min(from + request.getPageParams().getSize(), all.size());
    return all.subList(from, to);
  }
}

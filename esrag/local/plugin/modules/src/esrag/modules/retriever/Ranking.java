package esrag.modules.retriever;

import java.util.Collection;
import java.util.List;
import org.elasticsearch.search.rank.RankDoc;

/** Puts fused documents in order: by score, then as the core orders documents of equal score. */
final class Ranking {
  private Ranking() {}

  /** The best documents, each with its rank from 1. */
  static List<RankDoc> best(Collection<? extends RankDoc> documents, int window) {
    List<RankDoc> best =
        documents.stream().<RankDoc>map(doc -> doc).sorted().limit(window).toList();
    for (int i = 0; i < best.size(); i++) {
      best.get(i).rank = i + 1;
    }
    return best;
  }
}

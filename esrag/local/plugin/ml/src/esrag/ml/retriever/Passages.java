package esrag.ml.retriever;

import org.elasticsearch.common.document.DocumentField;
import org.elasticsearch.search.SearchHit;
import org.elasticsearch.search.SearchHits;
import org.elasticsearch.search.rank.RankShardResult;
import org.elasticsearch.search.rank.feature.RankFeatureDoc;
import org.elasticsearch.search.rank.feature.RankFeatureShardResult;
import org.elasticsearch.search.rank.rerank.RerankingRankFeaturePhaseRankShardContext;

/** Takes the passages of a shard's hits out of their field, or the best chunks of them. */
final class Passages extends RerankingRankFeaturePhaseRankShardContext {
  private final Reranking reranking;

  Passages(Reranking reranking) {
    super(reranking.field());
    this.reranking = reranking;
  }

  @Override
  protected RankShardResult doBuildRankFeatureShardResult(SearchHits hits, int shard) {
    RankFeatureDoc[] documents = new RankFeatureDoc[hits.getHits().length];
    for (int i = 0; i < documents.length; i++) {
      SearchHit hit = hits.getHits()[i];
      documents[i] = new RankFeatureDoc(hit.docId(), hit.getScore(), shard);
      DocumentField field = hit.field(getField());
      if (field != null) {
        documents[i].featureData(reranking.pieces(field.getValue().toString()));
      }
    }
    return new RankFeatureShardResult(documents);
  }
}

package esrag.modules.retriever;

import org.apache.lucene.search.ScoreDoc;

/** What makes hits of several rankings the same document. */
record DocumentKey(int document, int shard) {
  static DocumentKey of(ScoreDoc hit) {
    return new DocumentKey(hit.doc, hit.shardIndex);
  }
}

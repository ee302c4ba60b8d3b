package esrag.modules.reindex;

import org.apache.lucene.util.BytesRef;
import org.elasticsearch.action.index.IndexRequest;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.common.document.DocumentField;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.index.mapper.RoutingFieldMapper;
import org.elasticsearch.search.SearchHit;
import org.elasticsearch.search.builder.SearchSourceBuilder;
import org.elasticsearch.search.fetch.subphase.FetchSourceContext;

/** Reads whole documents out of hits, so that they can be written again. */
final class HitDocument {
  private HitDocument() {}

  /**
   * Asks for the source with its vectors: by default the server leaves them out, and what is
   * written again without them has lost them for good.
   */
  static void fetchWholeSource(SearchSourceBuilder source) {
    FetchSourceContext given = source.fetchSource();
    String[] includes = given == null ? null : given.includes();
    String[] excludes = given == null ? null : given.excludes();
    source.fetchSource(FetchSourceContext.of(true, false, includes, excludes));
  }

  /** Copies the source, since a hit's bytes are recycled once its page is done with. */
  @SuppressWarnings("deprecation") // nothing else tells the format that a source is stored in
  static IndexRequest index(String index, SearchHit hit) {
    if (!hit.hasSource()) {
      throw new IllegalArgumentException(
          "[" + hit.getIndex() + "][" + hit.getId() + "] didn't store _source");
    }
    BytesReference copy = new BytesArray(BytesRef.deepCopyOf(hit.getSourceRef().toBytesRef()));
    return new IndexRequest(index).id(hit.getId()).source(copy, XContentHelper.xContentType(copy));
  }

  static String routing(SearchHit hit) {
    DocumentField field = hit.field(RoutingFieldMapper.NAME);
    return field == null ? null : field.getValue();
  }
}

package esrag.modules.analysis;

import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.classic.ClassicFilter;
import org.apache.lucene.analysis.core.FlattenGraphFilter;
import org.apache.lucene.analysis.minhash.MinHashFilter;
import org.apache.lucene.analysis.miscellaneous.FingerprintFilter;
import org.apache.lucene.analysis.miscellaneous.LengthFilter;
import org.apache.lucene.analysis.miscellaneous.LimitTokenCountFilter;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.miscellaneous.TruncateTokenFilter;
import org.apache.lucene.analysis.payloads.DelimitedPayloadTokenFilter;
import org.apache.lucene.analysis.payloads.FloatEncoder;
import org.apache.lucene.analysis.payloads.IdentityEncoder;
import org.apache.lucene.analysis.payloads.IntegerEncoder;
import org.apache.lucene.analysis.payloads.PayloadEncoder;
import org.apache.lucene.analysis.reverse.ReverseStringFilter;
import org.apache.lucene.analysis.tr.ApostropheFilter;

/**
 * Filters that look at a token's length, place or parts; {@code .security} needs {@code unique}.
 */
final class TokenShapeFilters {
  private TokenShapeFilters() {}

  static void register(TokenFilterRegistry filters) {
    filters.plain("unique", TokenShapeFilters::unique);
    filters.plain("remove_duplicates", s -> RemoveDuplicatesTokenFilter::new);
    filters.plain("length", TokenShapeFilters::length);
    filters.plain("limit", TokenShapeFilters::limit);
    filters.plain("truncate", TokenShapeFilters::truncate);
    filters.plain("reverse", s -> ReverseStringFilter::new);
    filters.plain("classic", s -> ClassicFilter::new);
    filters.plain("apostrophe", s -> ApostropheFilter::new);
    filters.plain("flatten_graph", s -> FlattenGraphFilter::new);
    filters.multiplying("fingerprint", TokenShapeFilters::fingerprint);
    filters.multiplying("min_hash", TokenShapeFilters::minHash);
    filters.plain("delimited_payload", TokenShapeFilters::delimitedPayload);
    filters.multiplying("word_delimiter", WordDelimiters::flat);
    filters.multiplying("word_delimiter_graph", WordDelimiters::graph);
  }

  private static UnaryOperator<TokenStream> unique(AnalysisSettings settings) {
    boolean onSamePosition = settings.flag("only_on_same_position", false);
    return stream -> new UniqueTokenFilter(stream, onSamePosition);
  }

  private static UnaryOperator<TokenStream> length(AnalysisSettings settings) {
    int min = settings.integer("min", 0);
    int max = settings.integer("max", Integer.MAX_VALUE);
    return stream -> new LengthFilter(stream, min, max);
  }

  private static UnaryOperator<TokenStream> limit(AnalysisSettings settings) {
    int count = settings.integer("max_token_count", 1);
    boolean consumeAll = settings.flag("consume_all_tokens", false);
    return stream -> new LimitTokenCountFilter(stream, count, consumeAll);
  }

  private static UnaryOperator<TokenStream> truncate(AnalysisSettings settings) {
    int length = settings.integer("length", 10);
    if (length <= 0) {
      throw new IllegalArgumentException("length parameter must be provided");
    }
    return stream -> TruncateTokenFilter.truncateAfterChars(stream, length);
  }

  private static UnaryOperator<TokenStream> fingerprint(AnalysisSettings settings) {
    int maxSize = settings.integer("max_output_size", 255);
    char separator = settings.character("separator", ' ');
    return stream -> new FingerprintFilter(stream, maxSize, separator);
  }

  private static UnaryOperator<TokenStream> minHash(AnalysisSettings settings) {
    int hashes = settings.integer("hash_count", 1);
    int buckets = settings.integer("bucket_count", 512);
    int size = settings.integer("hash_set_size", 1);
    boolean rotate = settings.flag("with_rotation", buckets > 1);
    return stream -> new MinHashFilter(stream, hashes, buckets, size, rotate);
  }

  private static UnaryOperator<TokenStream> delimitedPayload(AnalysisSettings settings) {
    char delimiter = settings.character("delimiter", '|');
    String encoding = settings.text("encoding", "float");
    PayloadEncoder encoder =
        switch (encoding) {
          case "float" -> new FloatEncoder();
          case "int" -> new IntegerEncoder();
          case "identity" -> new IdentityEncoder();
          default -> throw new IllegalArgumentException("unknown encoding [" + encoding + "]");
        };
    return stream -> new DelimitedPayloadTokenFilter(stream, delimiter, encoder);
  }
}

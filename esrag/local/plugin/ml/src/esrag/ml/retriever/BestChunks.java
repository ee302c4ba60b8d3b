package esrag.ml.retriever;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.elasticsearch.common.io.stream.StreamInput;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.common.io.stream.Writeable;
import org.elasticsearch.inference.ChunkingSettings;
import org.elasticsearch.inference.RerankingInferenceService;
import org.elasticsearch.xcontent.ConstructingObjectParser;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xcontent.ToXContentFragment;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xpack.core.common.chunks.MemoryIndexChunkScorer;
import org.elasticsearch.xpack.core.common.chunks.ScoredChunk;
import org.elasticsearch.xpack.core.inference.chunking.ChunkerBuilder;
import org.elasticsearch.xpack.core.inference.chunking.ChunkingSettingsBuilder;
import org.elasticsearch.xpack.core.inference.chunking.SentenceBoundaryChunkingSettings;

/**
 * Of each long text only its best chunks go to the reranker: the text is cut and the chunks are
 * scored, both by x-pack-core's own classes.
 *
 * @param size how many chunks of a text, or null for one
 * @param chunking how texts are cut, or null for sentences up to what a reranker surely reads
 */
record BestChunks(Integer size, ChunkingSettings chunking)
    implements Writeable, ToXContentFragment {
  static final ParseField NAME = new ParseField("chunk_rescorer");
  private static final ParseField SIZE = new ParseField("size");
  private static final ParseField CHUNKING = new ParseField("chunking_settings");
  private static final String MAX_CHUNK_SIZE = "max_chunk_size";

  static final ConstructingObjectParser<BestChunks, Object> PARSER =
      new ConstructingObjectParser<>(NAME.getPreferredName(), true, BestChunks::ofParsed);

  static {
    PARSER.declareInt(ConstructingObjectParser.optionalConstructorArg(), SIZE);
    PARSER.declareObjectOrNull(
        ConstructingObjectParser.optionalConstructorArg(),
        (parser, context) -> parser.map(),
        null,
        CHUNKING);
  }

  BestChunks {
    if (size != null && size < 1) {
      throw new IllegalArgumentException("size must be greater than 0, was: " + size);
    }
  }

  BestChunks(StreamInput in) throws IOException {
    this(in.readOptionalVInt(), settings(in.readGenericMap()));
  }

  @SuppressWarnings("unchecked") // what the second declared field parses to
  private static BestChunks ofParsed(Object[] arguments) {
    return new BestChunks((Integer) arguments[0], settings((Map<String, Object>) arguments[1]));
  }

  /** A lone limit of the size stands for sentences up to it. */
  private static ChunkingSettings settings(Map<String, Object> given) {
    if (given == null || given.isEmpty()) {
      return null;
    }
    return given.size() == 1 && given.get(MAX_CHUNK_SIZE) instanceof Integer words
        ? sentences(words)
        : ChunkingSettingsBuilder.fromMap(given, false);
  }

  private static ChunkingSettings sentences(int words) {
    ChunkingSettings settings = new SentenceBoundaryChunkingSettings(words, 0);
    settings.validate();
    return settings;
  }

  /** The same with everything decided. */
  BestChunks complete() {
    return new BestChunks(
        most(),
        chunking == null
            ? sentences(RerankingInferenceService.CONSERVATIVE_DEFAULT_WINDOW_SIZE)
            : chunking);
  }

  int most() {
    return size == null ? 1 : size;
  }

  /** The chunks of a text that go best with the question; the first one when none does. */
  List<String> of(String text, String question) {
    ChunkingSettings how = complete().chunking();
    List<String> chunks =
        ChunkerBuilder.fromChunkingStrategy(how.getChunkingStrategy()).chunk(text, how).stream()
            .map(offset -> text.substring(offset.start(), offset.end()))
            .toList();
    return new MemoryIndexChunkScorer()
        .scoreChunks(chunks, question, most(), true).stream()
            .map(ScoredChunk::content)
            .limit(most())
            .toList();
  }

  @Override
  public void writeTo(StreamOutput out) throws IOException {
    out.writeOptionalVInt(size);
    out.writeGenericMap(chunking == null ? Map.of() : chunking.asMap());
  }

  @Override
  public XContentBuilder toXContent(XContentBuilder builder, Params params) throws IOException {
    builder.startObject(NAME.getPreferredName());
    if (size != null) {
      builder.field(SIZE.getPreferredName(), size);
    }
    if (chunking != null) {
      builder.field(CHUNKING.getPreferredName(), chunking.asMap());
    }
    return builder.endObject();
  }

  @Override
  public String toString() {
    return "ChunkScorerConfig{size="
        + most()
        + ", inferenceText=[null], chunkingSettings="
        + chunking
        + "}";
  }
}

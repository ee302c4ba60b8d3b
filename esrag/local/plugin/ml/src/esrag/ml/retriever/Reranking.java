package esrag.ml.retriever;

import java.io.IOException;
import java.util.List;
import org.elasticsearch.common.io.stream.StreamInput;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.common.io.stream.Writeable;

/**
 * What is asked of a reranker.
 *
 * @param inferenceId the endpoint
 * @param question what the passages are compared with
 * @param field the field that holds the passages
 * @param minScore the least score that a hit may have, or null
 * @param failuresAllowed whether the hits keep their order when the reranker fails
 * @param chunks what of long passages is sent, or null for all
 */
record Reranking(
    String inferenceId,
    String question,
    String field,
    Float minScore,
    boolean failuresAllowed,
    BestChunks chunks)
    implements Writeable {

  Reranking(StreamInput in) throws IOException {
    this(
        in.readString(),
        in.readString(),
        in.readString(),
        in.readOptionalFloat(),
        in.readBoolean(),
        in.readOptionalWriteable(BestChunks::new));
  }

  Reranking withMinScore(Float least) {
    return new Reranking(inferenceId, question, field, least, failuresAllowed, chunks);
  }

  /** What of a passage is sent to the reranker. */
  List<String> pieces(String passage) {
    return chunks == null ? List.of(passage) : chunks.of(passage, question);
  }

  @Override
  public void writeTo(StreamOutput out) throws IOException {
    out.writeString(inferenceId);
    out.writeString(question);
    out.writeString(field);
    out.writeOptionalFloat(minScore);
    out.writeBoolean(failuresAllowed);
    out.writeOptionalWriteable(chunks);
  }
}

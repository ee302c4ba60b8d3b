package esrag.ml.service;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.elasticsearch.inference.InferenceServiceResults;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.inference.results.StreamingChatCompletionResults;
import org.elasticsearch.xpack.core.inference.results.StreamingUnifiedChatCompletionResults;
import org.elasticsearch.xpack.core.inference.results.StreamingUnifiedChatCompletionResults.ChatCompletionChunk;
import org.elasticsearch.xpack.core.inference.results.UnifiedChatCompletionException;

/** Reads the chunks of a streamed chat answer into x-pack-core's results. */
final class ChatEvents {
  private final String inferenceId;
  private final Wording wording;

  ChatEvents(String inferenceId, Wording wording) {
    this.inferenceId = inferenceId;
    this.wording = wording;
  }

  /** A chunk of a conversation, whole. */
  InferenceServiceResults.Result chunk(String data) {
    Map<String, Object> chunk = parse(data);
    ArrayDeque<ChatCompletionChunk> chunks = new ArrayDeque<>();
    chunks.add(
        new ChatCompletionChunk(
            text(chunk, "id"),
            choices(chunk),
            text(chunk, "model"),
            text(chunk, "object"),
            usage(chunk)));
    return new StreamingUnifiedChatCompletionResults.Results(chunks);
  }

  /** The text of a chunk; null when it adds none. */
  InferenceServiceResults.Result delta(String data) {
    ArrayDeque<StreamingChatCompletionResults.Result> deltas = new ArrayDeque<>();
    for (ChatCompletionChunk.Choice choice : choices(parse(data))) {
      String content = choice.delta().content();
      if (content != null && content.isEmpty() == false) {
        deltas.add(new StreamingChatCompletionResults.Result(content));
      }
    }
    return deltas.isEmpty() ? null : new StreamingChatCompletionResults.Results(deltas);
  }

  private Map<String, Object> parse(String data) {
    Map<String, Object> event = ErrorBody.parse(data);
    if (event.containsKey("error")) {
      throw failure(ErrorBody.of(event));
    }
    return event;
  }

  private UnifiedChatCompletionException failure(ErrorBody error) {
    String start =
        "Received an error response for request from inference entity id [" + inferenceId + "]";
    return error.message() == null
        ? new UnifiedChatCompletionException(
            RestStatus.INTERNAL_SERVER_ERROR, start, Wording.UNREAD, "stream_error")
        : new UnifiedChatCompletionException(
            RestStatus.INTERNAL_SERVER_ERROR,
            start + ". Error message: [" + error.message() + "]",
            wording.type(error),
            error.code(),
            error.param());
  }

  private static List<ChatCompletionChunk.Choice> choices(Map<String, Object> chunk) {
    List<ChatCompletionChunk.Choice> choices = new ArrayList<>();
    for (Map<String, Object> choice : objects(chunk, "choices")) {
      Map<String, Object> delta = object(choice, "delta");
      choices.add(
          new ChatCompletionChunk.Choice(
              new ChatCompletionChunk.Choice.Delta(
                  text(delta, "content"),
                  text(delta, "refusal"),
                  text(delta, "role"),
                  toolCalls(delta)),
              text(choice, "finish_reason"),
              number(choice, "index")));
    }
    return choices;
  }

  private static List<ChatCompletionChunk.Choice.Delta.ToolCall> toolCalls(
      Map<String, Object> delta) {
    List<ChatCompletionChunk.Choice.Delta.ToolCall> calls = new ArrayList<>();
    for (Map<String, Object> call : objects(delta, "tool_calls")) {
      Map<String, Object> function = object(call, "function");
      calls.add(
          new ChatCompletionChunk.Choice.Delta.ToolCall(
              number(call, "index"),
              text(call, "id"),
              new ChatCompletionChunk.Choice.Delta.ToolCall.Function(
                  text(function, "arguments"), text(function, "name")),
              text(call, "type")));
    }
    return calls.isEmpty() ? null : calls;
  }

  private static ChatCompletionChunk.Usage usage(Map<String, Object> chunk) {
    Map<String, Object> usage = object(chunk, "usage");
    return usage.isEmpty()
        ? null
        : new ChatCompletionChunk.Usage(
            number(usage, "completion_tokens"),
            number(usage, "prompt_tokens"),
            number(usage, "total_tokens"));
  }

  private static String text(Map<String, Object> map, String key) {
    Object value = map.get(key);
    return value == null ? null : value.toString();
  }

  private static int number(Map<String, Object> map, String key) {
    return map.get(key) instanceof Number number ? number.intValue() : 0;
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> object(Map<String, Object> map, String key) {
    return map.get(key) instanceof Map<?, ?> object ? (Map<String, Object>) object : Map.of();
  }

  @SuppressWarnings("unchecked")
  private static List<Map<String, Object>> objects(Map<String, Object> map, String key) {
    return map.get(key) instanceof List<?> list ? (List<Map<String, Object>>) list : List.of();
  }
}

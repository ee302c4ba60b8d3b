package esrag.ml.service;

import esrag.ml.http.Reply;
import java.util.Locale;
import org.elasticsearch.ElasticsearchException;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.core.Strings;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.inference.results.UnifiedChatCompletionException;

/**
 * How the server words the refusals of a remote service. The real services differ in how they read
 * an error body and in the sentences for a status; each of the ways is one constant.
 */
enum Wording {
  /** Embedding and reranking by Hugging Face: the error is a sentence. */
  HUGGING_FACE {
    @Override
    String sentence(Reply reply, String address) {
      return switch (reply.status()) {
        case 429, 502, 503 -> RATE_LIMIT;
        case 401 -> AUTHENTICATION;
        case 413 -> TOO_LARGE;
        default -> common(reply.status());
      };
    }

    @Override
    ElasticsearchException refusal(Reply reply, String id, String address) {
      return plain(reply, id, sentence(reply, address), ErrorBody.of(reply).sentence());
    }
  },

  /** Embedding by OpenAI, and completion by both: the error is an object with a message. */
  OPENAI {
    @Override
    ElasticsearchException refusal(Reply reply, String id, String address) {
      return plain(reply, id, sentence(reply, address), ErrorBody.of(reply).message());
    }
  },

  /** Conversations by OpenAI: as above, and the error keeps its type, code and parameter. */
  OPENAI_CHAT {
    @Override
    ElasticsearchException refusal(Reply reply, String id, String address) {
      ErrorBody error = ErrorBody.of(reply);
      boolean known = error.message() != null && error.type() != null;
      return chat(
          reply, id, sentence(reply, address), known ? error : ErrorBody.NONE, error.type());
    }

    @Override
    String type(ErrorBody error) {
      return error.type();
    }
  },

  /** Conversations by Hugging Face. */
  HUGGING_FACE_CHAT {
    @Override
    ElasticsearchException refusal(Reply reply, String id, String address) {
      ErrorBody error = ErrorBody.of(reply);
      return chat(reply, id, sentence(reply, address), error, HUGGING_FACE_ERROR);
    }

    @Override
    String type(ErrorBody error) {
      return HUGGING_FACE_ERROR;
    }
  };

  private static final String AUTHENTICATION = "Received an authentication error status code";
  private static final String RATE_LIMIT = "Received a rate limit status code";
  private static final String TOO_LARGE = "Received a content too large status code";
  private static final String HUGGING_FACE_ERROR = "hugging_face_error";

  /** The type that the server gives an error body which it could not read. */
  static final String UNREAD = "UnifiedChatCompletionErrorResponse";

  /** The exception for an answer that is not a success. */
  abstract ElasticsearchException refusal(Reply reply, String id, String address);

  /** The type of an error within a stream. */
  String type(ErrorBody error) {
    return UNREAD;
  }

  /** What the status means, in the words of the OpenAI service. */
  String sentence(Reply reply, String address) {
    return switch (reply.status()) {
      case 503 -> "Received a server busy error status code";
      case 429 -> this == OPENAI ? RATE_LIMIT + ". " + usage(reply) : RATE_LIMIT;
      case 413 -> TOO_LARGE;
      case 401 -> AUTHENTICATION;
      case 422 -> "Received an input validation error response";
      case 400 -> "Received a bad request status code";
      case 404 -> "Resource not found at [" + address + "]";
      default -> common(reply.status());
    };
  }

  private static String common(int status) {
    if (status >= 500) {
      return "Received a server error status code";
    }
    return status < 400 ? "Unhandled redirection" : "Received an unsuccessful status code";
  }

  private static String usage(Reply reply) {
    return Strings.format(
        "Token limit [%s], remaining tokens [%s]. Request limit [%s], remaining requests [%s]",
        header(reply, "limit-tokens"),
        header(reply, "remaining-tokens"),
        header(reply, "limit-requests"),
        header(reply, "remaining-requests"));
  }

  private static String header(Reply reply, String name) {
    return reply.headers().firstValue("x-ratelimit-" + name).orElse("unknown");
  }

  private static ElasticsearchException plain(
      Reply reply, String id, String sentence, String message) {
    return new ElasticsearchStatusException(
        "{}", status(reply.status()), whole(reply, id, sentence, message));
  }

  private static ElasticsearchException chat(
      Reply reply, String id, String sentence, ErrorBody error, String type) {
    RestStatus status = status(reply.status());
    String text = whole(reply, id, sentence, error.message());
    return error.message() == null
        ? new UnifiedChatCompletionException(
            status, text, UNREAD, status.name().toLowerCase(Locale.ROOT))
        : new UnifiedChatCompletionException(status, text, type, error.code(), error.param());
  }

  private static String whole(Reply reply, String id, String sentence, String message) {
    String start =
        Strings.format(
            "%s for request from inference entity id [%s] status [%s]",
            sentence, id, reply.status());
    return message == null || message.isEmpty()
        ? start
        : start + ". Error message: [" + message + "]";
  }

  /** A failure of the service is the caller's to repair, hence not a 500 of ours. */
  static RestStatus status(int code) {
    RestStatus status = code < 500 ? RestStatus.fromCode(code) : null;
    return status == null ? RestStatus.BAD_REQUEST : status;
  }
}

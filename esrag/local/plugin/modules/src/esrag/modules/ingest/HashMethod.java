package esrag.modules.ingest;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.elasticsearch.common.hash.Murmur3Hasher;

/** The hash functions of {@code fingerprint}, by the names that a pipeline uses. */
enum HashMethod {
  MD5("MD5"),
  SHA_1("SHA-1"),
  SHA_256("SHA-256"),
  SHA_512("SHA-512"),
  MURMUR3(Murmur3Hasher.METHOD);

  /** A hash under way: bytes are fed in, then the result is taken. */
  record Running(Consumer<byte[]> feed, Supplier<byte[]> digest) {}

  private final String apiName;

  HashMethod(String apiName) {
    this.apiName = apiName;
  }

  String apiName() {
    return apiName;
  }

  Running start() {
    if (this == MURMUR3) {
      Murmur3Hasher hasher = new Murmur3Hasher(0);
      return new Running(hasher::update, hasher::digest);
    }
    try {
      MessageDigest digest = MessageDigest.getInstance(apiName);
      return new Running(digest::update, digest::digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java has no [" + apiName + "]", e);
    }
  }

  static HashMethod named(String name) {
    return Arrays.stream(values()).filter(m -> m.apiName.equals(name)).findFirst().orElse(null);
  }

  static String apiNames() {
    return Arrays.stream(values()).map(HashMethod::apiName).collect(Collectors.joining(","));
  }
}

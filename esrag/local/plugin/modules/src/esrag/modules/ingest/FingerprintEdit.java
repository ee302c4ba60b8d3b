package esrag.modules.ingest;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.elasticsearch.ingest.IngestDocument;

/** The {@code fingerprint} processor: a hash over the named fields, the same on every server. */
record FingerprintEdit(
    List<String> fields, String target, byte[] salt, HashMethod method, boolean ignoreMissing)
    implements DocumentEdit {

  static DocumentEdit of(ProcessorSettings settings) {
    List<String> fields = settings.list("fields");
    if (fields.isEmpty()) {
      throw settings.invalid("fields", "must specify at least one field");
    }
    String target = settings.text("target_field", "fingerprint");
    String salt = settings.text("salt", "");
    String method = settings.text("method", HashMethod.SHA_1.apiName());
    HashMethod hash = HashMethod.named(method);
    if (hash == null) {
      throw settings.invalid(
          "method",
          "["
              + method
              + "] must be one of the supported hash methods ["
              + HashMethod.apiNames()
              + "]");
    }
    return new FingerprintEdit(
        fields.stream().sorted().toList(),
        target,
        salt.isBlank() ? new byte[0] : salt.getBytes(StandardCharsets.UTF_8),
        hash,
        settings.flag("ignore_missing", false));
  }

  @Override
  public void apply(IngestDocument document) {
    List<Object> values = new ArrayList<>(fields.size());
    for (String field : fields.reversed()) { // the last missing one is the one that is named
      Object value = document.getFieldValue(field, Object.class, true);
      if (value != null) {
        values.addFirst(value);
      } else if (!ignoreMissing) {
        throw new IllegalArgumentException(
            "missing field [" + field + "] when calculating fingerprint");
      }
    }
    if (!values.isEmpty()) {
      ValueHash hash = new ValueHash(method.start(), salt);
      values.forEach(hash::add);
      document.setFieldValue(target, Base64.getEncoder().encodeToString(hash.digest()));
    }
  }
}

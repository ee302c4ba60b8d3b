package esrag.ml.endpoint;

import org.elasticsearch.Version;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.indices.SystemIndexDescriptor;
import org.elasticsearch.xpack.core.ClientHelper;

/**
 * The hidden system index that holds the endpoints, secrets included; nobody but the plugin reads
 * it. On a cluster there are two, {@code .inference} and {@code .secrets-inference}.
 */
public final class EndpointIndex {
  static final String NAME = ".inference";
  private static final String MAPPINGS =
      """
      {
        "_doc": {
          "_meta": {"version": "%s", "managed_index_mappings_version": 2},
          "dynamic": "strict",
          "properties": {
            "task_type": {"type": "keyword"},
            "service": {"type": "keyword"},
            "settings": {"type": "object", "enabled": false},
            "task_settings": {"type": "object", "enabled": false},
            "secrets": {"type": "object", "enabled": false},
            "chunking": {"type": "object", "enabled": false}
          }
        }
      }
      """;

  private EndpointIndex() {}

  /** What the server needs to create the index by itself. */
  public static SystemIndexDescriptor descriptor() {
    return SystemIndexDescriptor.builder()
        .setIndexPattern(NAME + "*")
        .setPrimaryIndex(NAME)
        .setDescription("Inference endpoints and their secrets")
        .setMappings(MAPPINGS.formatted(Version.CURRENT))
        .setSettings(
            Settings.builder()
                .put(IndexMetadata.SETTING_NUMBER_OF_SHARDS, 1)
                .put(IndexMetadata.SETTING_AUTO_EXPAND_REPLICAS, "0-1")
                .build())
        .setOrigin(ClientHelper.INFERENCE_ORIGIN)
        .build();
  }
}

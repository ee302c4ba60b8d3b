package esrag.ml.endpoint;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.rest.RestStatus;

/** The services that there are, by name. */
public final class Providers {
  private final Map<String, InferenceProvider> byName = new LinkedHashMap<>();

  public Providers(List<InferenceProvider> providers) {
    for (InferenceProvider provider : providers) {
      byName.put(provider.name(), provider);
      provider.aliases().forEach(alias -> byName.put(alias, provider));
    }
  }

  /** The service with this name, or the server's 400. */
  public InferenceProvider get(String name) {
    InferenceProvider provider = byName.get(name);
    if (provider == null) {
      throw new ElasticsearchStatusException("Unknown service [{}]", RestStatus.BAD_REQUEST, name);
    }
    return provider;
  }

  /** The service of an endpoint. */
  public InferenceProvider of(Endpoint endpoint) {
    return get(endpoint.service());
  }

  /** Each service once. */
  public Collection<InferenceProvider> all() {
    return new LinkedHashSet<>(byName.values());
  }
}

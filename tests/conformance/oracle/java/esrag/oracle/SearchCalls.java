package esrag.oracle;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.elasticsearch.action.search.SearchRequest;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.plugins.SearchPlugin;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.search.SearchModule;
import org.elasticsearch.search.builder.SearchSourceBuilder;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xpack.core.XPackClientPlugin;
import org.elasticsearch.xpack.core.ml.inference.MlInferenceNamedXContentProvider;
import org.elasticsearch.xpack.core.ml.vectors.TextEmbeddingQueryVectorBuilder;

/** Searches whose queries call a model. */
final class SearchCalls {
  private static final ToXContent NOTHING = (json, params) -> json;

  private SearchCalls() {}

  static Map<String, Reading> all() {
    return Map.of("search", SearchCalls::search);
  }

  /** The names that the server knows inside requests: x-pack-core's, and the search module's. */
  static NamedXContentRegistry registry() {
    List<NamedXContentRegistry.Entry> entries =
        new ArrayList<>(new MlInferenceNamedXContentProvider().getNamedXContentParsers());
    SearchModule module =
        new SearchModule(
            Settings.EMPTY, List.<SearchPlugin>of(new XPackClientPlugin(), new VectorBuilders()));
    entries.addAll(module.getNamedXContents());
    return new NamedXContentRegistry(entries);
  }

  /** The one query vector builder there is; the server's machine learning plugin registers it. */
  private static final class VectorBuilders implements SearchPlugin {
    @Override
    public List<QueryVectorBuilderSpec<?>> getQueryVectorBuilders() {
      return List.of(
          new QueryVectorBuilderSpec<>(
              TextEmbeddingQueryVectorBuilder.NAME,
              TextEmbeddingQueryVectorBuilder::new,
              (parser, context) -> TextEmbeddingQueryVectorBuilder.PARSER.apply(parser, context)));
    }
  }

  private static Reading.Accepted search(RestRequest rest) throws Exception {
    SearchSourceBuilder source = new SearchSourceBuilder();
    if (rest.hasContent()) {
      try (XContentParser parser = rest.contentParser()) {
        source.parseXContent(parser, true, feature -> true);
      }
    }
    return new Reading.Accepted(
        new SearchRequest(new String[] {rest.param("index")}, source), NOTHING);
  }
}

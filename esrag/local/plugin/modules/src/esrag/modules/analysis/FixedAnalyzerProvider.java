package esrag.modules.analysis;

import org.apache.lucene.analysis.Analyzer;
import org.elasticsearch.index.analysis.AbstractIndexAnalyzerProvider;

/** Provides one analyzer that was built from an index's settings. */
final class FixedAnalyzerProvider extends AbstractIndexAnalyzerProvider<Analyzer> {
  private final Analyzer analyzer;

  FixedAnalyzerProvider(String name, Analyzer analyzer) {
    super(name);
    this.analyzer = analyzer;
  }

  @Override
  public Analyzer get() {
    return analyzer;
  }
}

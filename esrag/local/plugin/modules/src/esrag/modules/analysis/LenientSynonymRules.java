package esrag.modules.analysis;

import java.io.IOException;
import java.io.StringReader;
import java.text.ParseException;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.synonym.SolrSynonymParser;
import org.apache.lucene.analysis.synonym.SynonymMap;

/** Synonym rules of which broken ones are logged and left out: the {@code lenient} setting. */
final class LenientSynonymRules {
  private static final Logger LOGGER = LogManager.getLogger(LenientSynonymRules.class);

  private final boolean expand;
  private final Analyzer analyzer;

  LenientSynonymRules(boolean expand, Analyzer analyzer) {
    this.expand = expand;
    this.analyzer = analyzer;
  }

  SynonymMap parse(String rules) throws IOException, ParseException {
    StringBuilder usable = new StringBuilder();
    for (String rule : rules.split("\n")) {
      try {
        parser(rule).build();
        usable.append(rule).append('\n');
      } catch (ParseException | IllegalArgumentException e) {
        LOGGER.warn("ignoring the synonym rule [{}]", rule, e);
      }
    }
    return parser(usable.toString()).build();
  }

  private SolrSynonymParser parser(String rules) throws IOException, ParseException {
    SolrSynonymParser parser = new SolrSynonymParser(true, expand, analyzer);
    parser.parse(new StringReader(rules));
    return parser;
  }
}

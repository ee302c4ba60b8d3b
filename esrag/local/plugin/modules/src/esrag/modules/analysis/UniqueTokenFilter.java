package esrag.modules.analysis;

import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import org.apache.lucene.analysis.FilteringTokenFilter;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;
import org.apache.lucene.analysis.tokenattributes.PositionIncrementAttribute;

/**
 * Drops every token that was seen before, in the whole stream or at its position only; stands for
 * the {@code unique} filter, for which Lucene has no class.
 */
final class UniqueTokenFilter extends FilteringTokenFilter {
  private final CharTermAttribute term = addAttribute(CharTermAttribute.class);
  private final PositionIncrementAttribute increment =
      addAttribute(PositionIncrementAttribute.class);
  private final boolean onSamePosition;
  private final Set<String> seen = new HashSet<>();

  UniqueTokenFilter(TokenStream stream, boolean onSamePosition) {
    super(stream);
    this.onSamePosition = onSamePosition;
  }

  @Override
  protected boolean accept() {
    if (onSamePosition && increment.getPositionIncrement() > 0) {
      seen.clear();
    }
    return seen.add(term.toString());
  }

  @Override
  public void reset() throws IOException {
    super.reset();
    seen.clear();
  }
}

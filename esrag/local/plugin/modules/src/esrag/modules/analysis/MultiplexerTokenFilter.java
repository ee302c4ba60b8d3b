package esrag.modules.analysis;

import java.io.IOException;
import java.util.List;
import java.util.function.Function;
import org.apache.lucene.analysis.TokenFilter;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.miscellaneous.ConditionalTokenFilter;
import org.apache.lucene.analysis.tokenattributes.PositionIncrementAttribute;

/**
 * Repeats each token once for each branch and lets the branch's filter see its own copy only; the
 * copies stand in one place.
 */
final class MultiplexerTokenFilter extends TokenFilter {
  private final TokenStream branched;
  private final int branches;
  private int branch;

  MultiplexerTokenFilter(TokenStream input, List<Function<TokenStream, TokenStream>> filters) {
    super(input);
    branches = filters.size();
    branch = branches - 1;
    TokenStream stream = new Repeater(input);
    for (int i = 0; i < branches; i++) {
      stream = new Branch(stream, filters.get(i), i);
    }
    branched = stream;
  }

  @Override
  public boolean incrementToken() throws IOException {
    return branched.incrementToken();
  }

  @Override
  public void end() throws IOException {
    branched.end();
  }

  @Override
  public void reset() throws IOException {
    branched.reset();
  }

  private final class Branch extends ConditionalTokenFilter {
    private final int own;

    Branch(TokenStream input, Function<TokenStream, TokenStream> filter, int own) {
      super(input, filter);
      this.own = own;
    }

    @Override
    protected boolean shouldFilter() {
      return own == branch;
    }
  }

  private final class Repeater extends TokenFilter {
    private final PositionIncrementAttribute increment =
        addAttribute(PositionIncrementAttribute.class);
    private State token;

    Repeater(TokenStream input) {
      super(input);
    }

    @Override
    public boolean incrementToken() throws IOException {
      if (branch >= branches - 1) {
        branch = 0;
        if (!input.incrementToken()) {
          return false;
        }
        token = captureState();
        return true;
      }
      restoreState(token);
      increment.setPositionIncrement(0);
      branch++;
      return true;
    }

    @Override
    public void reset() throws IOException {
      super.reset();
      branch = branches - 1;
      token = null;
    }
  }
}

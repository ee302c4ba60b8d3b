package esrag.modules.analysis;

import java.io.IOException;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;
import org.apache.lucene.analysis.tokenattributes.OffsetAttribute;

/** The {@code lowercase} tokenizer: runs of letters, in lower case. */
final class LowercaseLetterTokenizer extends Tokenizer {
  private final CharTermAttribute term = addAttribute(CharTermAttribute.class);
  private final OffsetAttribute offset = addAttribute(OffsetAttribute.class);
  private int position;

  @Override
  public boolean incrementToken() throws IOException {
    clearAttributes();
    StringBuilder token = new StringBuilder();
    int start = position;
    for (int c = next(); c >= 0; c = next()) {
      if (Character.isLetter(c)) {
        if (token.isEmpty()) {
          start = position - Character.charCount(c);
        }
        token.appendCodePoint(Character.toLowerCase(c));
      } else if (!token.isEmpty()) {
        position -= Character.charCount(c);
        emit(token, start);
        position += Character.charCount(c);
        return true;
      }
    }
    if (token.isEmpty()) {
      return false;
    }
    emit(token, start);
    return true;
  }

  private void emit(StringBuilder token, int start) {
    term.append(token);
    offset.setOffset(correctOffset(start), correctOffset(position));
  }

  /** The next code point; {@code position} then stands behind it. */
  private int next() throws IOException {
    int first = input.read();
    if (first < 0) {
      return -1;
    }
    position++;
    if (!Character.isHighSurrogate((char) first)) {
      return first;
    }
    int second = input.read();
    if (second < 0) {
      return first;
    }
    position++;
    return Character.toCodePoint((char) first, (char) second);
  }

  @Override
  public void reset() throws IOException {
    super.reset();
    position = 0;
  }

  @Override
  public void end() throws IOException {
    super.end();
    int last = correctOffset(position);
    offset.setOffset(last, last);
  }
}

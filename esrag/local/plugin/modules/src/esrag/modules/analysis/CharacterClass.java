package esrag.modules.analysis;

import java.util.function.IntPredicate;

/** The classes of characters that tokenizers can be told to keep or to split on. */
enum CharacterClass implements IntPredicate {
  DIGIT(Character::isDigit),
  LETTER(Character::isLetter),
  PUNCTUATION(CharacterClass::isPunctuation),
  SYMBOL(CharacterClass::isSymbol),
  WHITESPACE(Character::isWhitespace);

  private final IntPredicate members;

  CharacterClass(IntPredicate members) {
    this.members = members;
  }

  @Override
  public boolean test(int character) {
    return members.test(character);
  }

  private static boolean isPunctuation(int character) {
    return switch (Character.getType(character)) {
      case Character.START_PUNCTUATION,
          Character.END_PUNCTUATION,
          Character.OTHER_PUNCTUATION,
          Character.CONNECTOR_PUNCTUATION,
          Character.DASH_PUNCTUATION,
          Character.INITIAL_QUOTE_PUNCTUATION,
          Character.FINAL_QUOTE_PUNCTUATION ->
          true;
      default -> false;
    };
  }

  private static boolean isSymbol(int character) {
    return switch (Character.getType(character)) {
      case Character.CURRENCY_SYMBOL,
          Character.MATH_SYMBOL,
          Character.OTHER_SYMBOL,
          Character.MODIFIER_SYMBOL ->
          true;
      default -> false;
    };
  }
}

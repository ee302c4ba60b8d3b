package esrag.modules.ingest;

import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.elasticsearch.common.network.InetAddresses;

/** The types that {@code convert} knows, each with its rules for what can become one. */
enum ValueType {
  INTEGER {
    @Override
    Object convert(Object value) {
      return number(value, text -> isHex(text) ? Integer.decode(text) : Integer.valueOf(text));
    }
  },
  LONG {
    @Override
    Object convert(Object value) {
      return number(value, text -> isHex(text) ? Long.decode(text) : Long.valueOf(text));
    }
  },
  DOUBLE {
    @Override
    Object convert(Object value) {
      return number(value, Double::valueOf);
    }
  },
  FLOAT {
    @Override
    Object convert(Object value) {
      return number(value, Float::valueOf);
    }
  },
  BOOLEAN {
    @Override
    Object convert(Object value) {
      String text = value.toString();
      if (text.equalsIgnoreCase("true") || text.equalsIgnoreCase("false")) {
        return Boolean.valueOf(text);
      }
      throw new IllegalArgumentException(
          "[" + value + "] is not a boolean value, cannot convert to boolean");
    }
  },
  IP {
    @Override
    Object convert(Object value) {
      InetAddresses.forString((String) value);
      return value;
    }
  },
  STRING {
    @Override
    Object convert(Object value) {
      return value.toString();
    }
  },
  AUTO {
    @Override
    Object convert(Object value) {
      if (value instanceof String) {
        for (ValueType type : List.of(BOOLEAN, INTEGER, LONG, FLOAT, DOUBLE)) {
          try {
            return type.convert(value);
          } catch (IllegalArgumentException e) { // not this type: the next one may fit
            continue;
          }
        }
      }
      return value;
    }
  };

  abstract Object convert(Object value);

  String apiName() {
    return name().toLowerCase(Locale.ROOT);
  }

  Object number(Object value, Function<String, Object> reader) {
    try {
      return reader.apply(value.toString());
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("unable to convert [" + value + "] to " + apiName(), e);
    }
  }

  private static boolean isHex(String text) {
    return text.startsWith("0x") || text.startsWith("-0x");
  }
}

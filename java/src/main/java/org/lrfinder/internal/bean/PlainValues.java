package org.lrfinder.internal.bean;

import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * Values of users' objects as JSON and YAML can say them: numbers, booleans, texts, nulls, lists
 * and maps; and back.
 */
public final class PlainValues {
  private static final int DEEPEST = 6; // of objects in objects, which may go round in circles

  private PlainValues() {}

  public static @Nullable Object of(@Nullable Object value) {
    return of(value, DEEPEST);
  }

  private static @Nullable Object of(@Nullable Object value, int depth) {
    if (value instanceof Optional<?> optional) {
      return of(optional.orElse(null), depth);
    } else if (value == null || value instanceof Boolean || value instanceof String) {
      return value;
    } else if (value instanceof Number number) {
      return plain(number);
    } else if (value instanceof Enum<?> constant) {
      return constant.name();
    } else if (value instanceof Map<?, ?> map) {
      Map<String, @Nullable Object> values = new LinkedHashMap<>();
      map.forEach((key, inner) -> values.put(String.valueOf(key), of(inner, depth - 1)));
      return values;
    } else if (value instanceof Collection<?> list) {
      List<@Nullable Object> values = new ArrayList<>();
      list.forEach(inner -> values.add(of(inner, depth - 1)));
      return values;
    } else if (value.getClass().isArray()) {
      List<@Nullable Object> values = new ArrayList<>();
      for (int i = 0; i < Array.getLength(value); i++) {
        values.add(of(Array.get(value, i), depth - 1));
      }
      return values;
    }
    if (!isBean(value)) {
      return value.toString();
    }
    return depth > 0 ? ofBean(value, depth - 1) : value.getClass().getSimpleName();
  }

  private static Object plain(Number number) {
    if (number instanceof Float single) {
      // The short decimal, not the nearest double's.
      return Float.isFinite(single) ? Double.parseDouble(single.toString()) : single.doubleValue();
    }
    if (number instanceof Byte || number instanceof Short) {
      return number.intValue();
    }
    return number instanceof BigDecimal || number instanceof BigInteger
        ? number.toString()
        : number;
  }

  private static boolean isBean(Object value) {
    return !(value instanceof Pointer)
        && !value.getClass().getName().startsWith("java.")
        && !value.getClass().isHidden();
  }

  private static Object ofBean(Object bean, int depth) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    for (String name : Property.names(bean)) {
      Property property = Property.of(bean, name);
      if (property != null) {
        values.put(name, of(property.value(), depth));
      }
    }
    return values;
  }

  /**
   * Makes a saved value what a property holds.
   *
   * @param type of the property, or of its present value where that says more
   * @return empty if it cannot be one
   */
  public static Optional<Object> as(Class<?> type, Object saved) {
    if (type.isInstance(saved)) {
      return Optional.of(saved);
    }
    String text = saved.toString();
    if (type.isEnum()) {
      return Arrays.<Object>stream(type.getEnumConstants())
          .filter(constant -> ((Enum<?>) constant).name().equals(text))
          .findFirst();
    }
    try {
      return Optional.ofNullable(parsed(type, text, saved instanceof Number));
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  private static @Nullable Object parsed(Class<?> type, String text, boolean number) {
    if (type == double.class || type == Double.class) {
      return Double.parseDouble(text);
    } else if (type == float.class || type == Float.class) {
      return Float.parseFloat(text);
    } else if (type == boolean.class && !number) {
      return Boolean.parseBoolean(text);
    } else if ((type == char.class || type == Character.class) && text.length() == 1) {
      return text.charAt(0);
    } else if (type == int.class || type == Integer.class) {
      return Integer.parseInt(text);
    } else if (type == long.class || type == Long.class) {
      return Long.parseLong(text);
    } else if (type == short.class || type == Short.class) {
      return Short.parseShort(text);
    } else if (type == byte.class || type == Byte.class) {
      return Byte.parseByte(text);
    } else if (type == BigDecimal.class) {
      return new BigDecimal(text);
    }
    return type == BigInteger.class ? new BigInteger(text) : null;
  }
}

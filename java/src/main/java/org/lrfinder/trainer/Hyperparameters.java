package org.lrfinder.trainer;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model's hyperparameters as plain values: those that it names, or else its own fields of simple
 * types.
 */
final class Hyperparameters {
  private static final Logger LOG = LoggerFactory.getLogger(Hyperparameters.class);

  private Hyperparameters() {}

  /**
   * Reads them.
   *
   * @param attribute where the learning rate is kept; listed even if it is none of them
   */
  static Map<String, @Nullable Object> of(Model model, @Nullable LearningRateAttribute attribute) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    Object named = model.hyperparameters();
    Object holder = named == null ? model : named;
    for (String name : Property.names(holder)) {
      Property property = Property.of(holder, name);
      if (property != null && (named != null || isSimple(property))) {
        values.put(name, plain(property.value()));
      }
    }
    if (attribute != null) {
      values.putIfAbsent(attribute.name(), attribute.value());
    }
    return values;
  }

  /**
   * Writes saved values back, as far as they can be written; the others are warned of if they
   * differ.
   */
  static void restore(Model model, Map<String, @Nullable Object> saved) {
    Object named = model.hyperparameters();
    saved.forEach(
        (name, value) -> {
          Property property = named == null ? null : Property.of(named, name);
          if (property == null) {
            property = Property.of(model, name);
          }
          if (property == null || Objects.equals(text(plain(property.value())), text(value))) {
            return;
          }
          if (property.obstacle() == null && fits(property.type(), value)) {
            property.set(value);
          } else {
            LOG.warn(
                "hyperparameter {} was {} at the checkpoint and stays {}",
                name,
                value,
                property.value());
          }
        });
  }

  private static String text(@Nullable Object value) {
    return value instanceof Number number
        ? Double.toString(number.doubleValue())
        : String.valueOf(value);
  }

  private static boolean isSimple(Property property) {
    Class<?> type = property.type();
    return type.isPrimitive()
        || type.isEnum()
        || Number.class.isAssignableFrom(type)
        || type == Boolean.class
        || type == String.class;
  }

  /** Whether a property of this type takes a value that was saved. */
  private static boolean fits(Class<?> type, @Nullable Object saved) {
    boolean number =
        Number.class.isAssignableFrom(type)
            || (type.isPrimitive() && type != boolean.class && type != char.class);
    return type == Object.class
        || (saved instanceof Number && number)
        || (saved instanceof Boolean && (type == boolean.class || type == Boolean.class))
        || (saved instanceof String && type == String.class);
  }

  /** What JSON and YAML can say. */
  private static @Nullable Object plain(@Nullable Object value) {
    if (value == null || value instanceof Boolean) {
      return value;
    } else if (value instanceof Integer || value instanceof Long || value instanceof Double) {
      return value;
    } else if (value instanceof Float number) {
      return Double.parseDouble(number.toString()); // the short decimal, not the nearest double's
    } else if (value instanceof Map<?, ?> map) {
      Map<String, @Nullable Object> values = new LinkedHashMap<>();
      map.forEach((key, inner) -> values.put(String.valueOf(key), plain(inner)));
      return values;
    } else if (value instanceof Collection<?> list) {
      return list.stream().map(Hyperparameters::plain).toList();
    }
    return value.toString();
  }
}

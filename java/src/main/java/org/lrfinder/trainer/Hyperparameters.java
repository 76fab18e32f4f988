package org.lrfinder.trainer;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.bean.PlainValues;
import org.lrfinder.internal.bean.Property;
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
   * @param attribute where the learning rate is kept; listed by its path if it is in none of them
   */
  static Map<String, @Nullable Object> of(
      TrainableModel<?> model, @Nullable LearningRateAttribute attribute) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    Object named = model.hyperparameters();
    Object holder = named == null ? model : named;
    for (String name : Property.names(holder)) {
      Property property = Property.of(holder, name);
      if (property != null && (named != null || isSimple(property.type()))) {
        values.put(name, PlainValues.of(property.value()));
      }
    }
    if (attribute != null && !lists(values, attribute.path())) {
      values.put(attribute.path(), PlainValues.of(attribute.value()));
    }
    return values;
  }

  /** Whether a value is there by its name, or within another by its path. */
  private static boolean lists(Map<?, ?> values, String path) {
    if (values.containsKey(path)) {
      return true;
    }
    int dot = path.indexOf('.');
    return dot > 0
        && values.get(path.substring(0, dot)) instanceof Map<?, ?> inner
        && lists(inner, path.substring(dot + 1));
  }

  private static boolean isSimple(Class<?> type) {
    return type.isPrimitive()
        || type.isEnum()
        || Number.class.isAssignableFrom(type)
        || type == Boolean.class
        || type == Character.class
        || type == String.class;
  }

  /**
   * Writes saved values back, as far as they can be written; the others are warned of if they
   * differ.
   */
  static void restore(TrainableModel<?> model, Map<String, @Nullable Object> saved) {
    Object named = model.hyperparameters();
    saved.forEach(
        (name, value) -> {
          Property property = named == null ? null : LearningRateAttribute.walk(named, name);
          if (property == null) {
            property = LearningRateAttribute.walk(model, name);
          }
          if (property != null) {
            restore(property, name, value);
          }
        });
  }

  private static void restore(Property property, String name, @Nullable Object saved) {
    Object present = property.value();
    if (Objects.equals(text(PlainValues.of(present)), text(saved))) {
      return;
    }
    if (saved instanceof Map<?, ?> inner && present != null) {
      // In place, for whoever holds the same object.
      inner.forEach(
          (key, value) -> {
            Property part = Property.of(present, key.toString());
            if (part != null) {
              restore(part, name + "." + key, value);
            }
          });
      return;
    }
    Class<?> type =
        property.type() == Object.class && present != null ? present.getClass() : property.type();
    Optional<Object> value = saved == null ? Optional.empty() : PlainValues.as(type, saved);
    boolean settable = value.isPresent() || (saved == null && !property.type().isPrimitive());
    if (settable && property.obstacle() == null) {
      property.set(value.orElse(null));
    } else {
      LOG.warn("hyperparameter {} was {} at the checkpoint and stays {}", name, saved, present);
    }
  }

  /** Numbers by value, whatever their types. */
  private static String text(@Nullable Object value) {
    return value instanceof Number number
        ? Double.toString(number.doubleValue())
        : String.valueOf(value);
  }
}

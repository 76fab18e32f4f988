package org.lrfinder.trainer;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.bean.Property;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where a model keeps its learning rate: a hyperparameter before a field of the model, and {@code
 * lr} before {@code learningRate} before {@code learning_rate}; or, by a name or a dotted path,
 * another.
 *
 * @param path such as {@code lr} or {@code optimizer.rate}
 * @param description such as {@code hyperparameter lr} or {@code field optimizer.rate}
 */
record LearningRateAttribute(Property property, String path, String description) {
  private static final Logger LOG = LoggerFactory.getLogger(LearningRateAttribute.class);
  private static final List<String> DEFAULT_NAMES = List.of("lr", "learningRate", "learning_rate");

  /**
   * Finds the attribute.
   *
   * @param path null for the default names
   * @throws IllegalArgumentException if there is none, or it cannot be set to a rate; the message
   *     says what was looked for and what was found
   */
  static LearningRateAttribute of(TrainableModel<?> model, @Nullable String path) {
    List<String> names = path == null ? DEFAULT_NAMES : List.of(path);
    String wanted = String.join(" or ", names);
    String owner = model.getClass().getName();
    Object hyperparameters = model.hyperparameters();
    if (hyperparameters != model.hyperparameters()) {
      throw new IllegalArgumentException(
          "hyperparameters() of %s gives another object each time: a learning rate set in it would be lost; keep one"
              .formatted(owner));
    }
    List<LearningRateAttribute> found = new ArrayList<>();
    String present = "no hyperparameters";
    if (hyperparameters != null) {
      collect(hyperparameters, "hyperparameter", names, found);
      present = "the hyperparameters " + Property.names(hyperparameters);
    }
    collect(model, "field", names, found);
    if (found.isEmpty()) {
      throw new IllegalArgumentException(
          "%s has no learning rate to set: looked for a hyperparameter, then a field, named %s; found %s and the fields %s"
              .formatted(owner, wanted, present, Property.names(model)));
    }
    LearningRateAttribute chosen = found.get(0);
    String obstacle = chosen.property.obstacleToRate();
    if (obstacle != null) {
      throw new IllegalArgumentException(
          "the learning rate of %s cannot be set: looked for a hyperparameter, then a field, named %s; found the %s, which %s"
              .formatted(owner, wanted, chosen.description, obstacle));
    }
    if (found.size() > 1) {
      LOG.warn(
          "{} has more than one learning rate: the {} is set, the {} is not",
          owner,
          chosen.description,
          found.get(1).description);
    }
    return chosen;
  }

  private static void collect(
      Object root, String what, List<String> names, List<LearningRateAttribute> found) {
    for (String name : names) {
      Property property = walk(root, name);
      if (property != null) {
        found.add(new LearningRateAttribute(property, name, what + " " + name));
      }
    }
  }

  /** Follows a dotted path; null if there is nothing at its end. */
  static @Nullable Property walk(Object root, String path) {
    Property whole = Property.of(root, path); // a map's key may have dots
    if (whole != null || path.indexOf('.') < 0) {
      return whole;
    }
    Object holder = root;
    String[] names = path.split("\\.", -1);
    for (int i = 0; i < names.length - 1; i++) {
      Property step = names[i].isEmpty() ? null : Property.of(holder, names[i]);
      Object next = step == null ? null : step.value();
      if (next == null) {
        return null;
      }
      holder = next;
    }
    return names[names.length - 1].isEmpty() ? null : Property.of(holder, names[names.length - 1]);
  }

  @Nullable Number value() {
    return (Number) property.value();
  }

  void set(double lr) {
    property.setRate(lr);
  }
}

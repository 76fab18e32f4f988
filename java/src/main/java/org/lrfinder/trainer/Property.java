package org.lrfinder.trainer;

import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A named value of a user's object: an entry of a map, a field, or a property with getter and
 * setter.
 */
abstract sealed class Property {
  private static final List<Class<?>> REAL =
      List.of(double.class, Double.class, float.class, Float.class, Number.class, Object.class);

  private final String name;

  private Property(String name) {
    this.name = name;
  }

  String name() {
    return name;
  }

  abstract String kind();

  abstract @Nullable Object value();

  /**
   * Sets the value.
   *
   * @param value of the property's type, or a number where that is one
   */
  abstract void set(@Nullable Object value);

  /** Why the value cannot be set at all; null if it can. */
  abstract @Nullable String obstacle();

  abstract Class<?> type();

  /** Why it cannot hold a learning rate; null if it can. */
  @Nullable String obstacleToRate() {
    if (!REAL.contains(type())) {
      return "is of type %s, which cannot hold a learning rate".formatted(type().getSimpleName());
    }
    String obstacle = obstacle();
    if (obstacle != null) {
      return obstacle;
    }
    Object value = value();
    if (value == null) {
      return this instanceof OfSetter ? null : "is null and has no setter";
    }
    return value instanceof Number
        ? null
        : "is not a number but a " + value.getClass().getSimpleName();
  }

  /** Finds a property; null if there is none of that name. */
  static @Nullable Property of(Object holder, String name) {
    if (holder instanceof Map<?, ?> map) {
      return map.containsKey(name) ? new OfMap(map, name) : null;
    }
    Field field = field(holder.getClass(), name);
    Method getter = method(holder.getClass(), name, 0, "get", "is", "");
    Method setter = method(holder.getClass(), name, 1, "set");
    if (setter != null && (field != null || getter != null)) {
      return new OfSetter(holder, name, field, getter, setter);
    }
    return field == null ? null : new OfField(holder, field);
  }

  /** Names of an object's entries or fields, in order. */
  static List<String> names(Object holder) {
    return holder instanceof Map<?, ?> map
        ? map.keySet().stream().map(String::valueOf).toList()
        : fields(holder.getClass()).map(Field::getName).distinct().toList();
  }

  private static Stream<Field> fields(Class<?> type) {
    List<Field> fields = new ArrayList<>();
    for (Class<?> c = type; c != null && c != Object.class; c = c.getSuperclass()) {
      Arrays.stream(c.getDeclaredFields())
          .filter(f -> !f.isSynthetic() && !Modifier.isStatic(f.getModifiers()))
          .forEach(fields::add);
    }
    return fields.stream();
  }

  private static @Nullable Field field(Class<?> type, String name) {
    return fields(type).filter(f -> f.getName().equals(name)).findFirst().orElse(null);
  }

  private static @Nullable Method method(
      Class<?> type, String name, int parameters, String... prefixes) {
    String capital = Character.toUpperCase(name.charAt(0)) + name.substring(1);
    for (String prefix : prefixes) {
      String wanted = prefix.isEmpty() ? name : prefix + capital;
      for (Method method : type.getMethods()) {
        if (method.getName().equals(wanted)
            && method.getParameterCount() == parameters
            && !Modifier.isStatic(method.getModifiers())
            && (parameters == 1 || method.getReturnType() != void.class)) {
          return method;
        }
      }
    }
    return null;
  }

  private static boolean accessible(AccessibleObject member) {
    return member.trySetAccessible();
  }

  /** Makes a number the kind of number that a type holds. */
  private static @Nullable Object converted(@Nullable Object value, Class<?> type) {
    if (!(value instanceof Number number)) {
      return value;
    }
    if (type == double.class || type == Double.class) {
      return number.doubleValue();
    } else if (type == float.class || type == Float.class) {
      return number.floatValue();
    } else if (type == int.class || type == Integer.class) {
      return number.intValue();
    } else if (type == long.class || type == Long.class) {
      return number.longValue();
    }
    return value;
  }

  /** An entry of a map. */
  private static final class OfMap extends Property {
    private final Map<Object, @Nullable Object> map;

    @SuppressWarnings("unchecked") // whether it takes the value is found out by obstacle()
    OfMap(Map<?, ?> map, String name) {
      super(name);
      this.map = (Map<Object, @Nullable Object>) map;
    }

    @Override
    String kind() {
      return "entry";
    }

    @Override
    Class<?> type() {
      return Object.class;
    }

    @Override
    @Nullable Object value() {
      return map.get(name());
    }

    @Override
    void set(@Nullable Object value) {
      Object old = map.get(name());
      map.put(name(), old == null ? value : converted(value, realType(old)));
    }

    /** A whole number makes room for a real one. */
    private static Class<?> realType(Object old) {
      return old instanceof Float ? Float.class : Object.class;
    }

    @Override
    @Nullable String obstacle() {
      try {
        map.put(name(), map.get(name()));
        return null;
      } catch (UnsupportedOperationException e) {
        return "is in a map that cannot be changed";
      }
    }
  }

  /** A field without a setter. */
  private static final class OfField extends Property {
    private final Object holder;
    private final Field field;

    OfField(Object holder, Field field) {
      super(field.getName());
      this.holder = holder;
      this.field = field;
    }

    @Override
    String kind() {
      return "field";
    }

    @Override
    Class<?> type() {
      return field.getType();
    }

    @Override
    @Nullable Object value() {
      return read(holder, field);
    }

    static @Nullable Object read(Object holder, Field field) {
      if (!accessible(field)) {
        return null;
      }
      try {
        return field.get(holder);
      } catch (IllegalAccessException e) {
        throw new IllegalStateException("field " + field.getName() + " cannot be read", e);
      }
    }

    @Override
    void set(@Nullable Object value) {
      try {
        field.set(holder, converted(value, field.getType()));
      } catch (IllegalAccessException e) {
        throw new IllegalStateException("field " + name() + " cannot be written", e);
      }
    }

    @Override
    @Nullable String obstacle() {
      if (Modifier.isFinal(field.getModifiers())) {
        return "is final and has no setter";
      }
      return accessible(field)
          ? null
          : "is not accessible: its module must open the package "
              + holder.getClass().getPackageName();
    }
  }

  /** A property with a setter. */
  private static final class OfSetter extends Property {
    private final Object holder;
    private final @Nullable Field field;
    private final @Nullable Method getter;
    private final Method setter;

    OfSetter(
        Object holder, String name, @Nullable Field field, @Nullable Method getter, Method setter) {
      super(name);
      this.holder = holder;
      this.field = field;
      this.getter = getter;
      this.setter = setter;
    }

    @Override
    String kind() {
      return "property";
    }

    @Override
    Class<?> type() {
      return setter.getParameterTypes()[0];
    }

    @Override
    @Nullable Object value() {
      if (getter != null && accessible(getter)) {
        return invoke(getter);
      }
      return field == null ? null : OfField.read(holder, field);
    }

    @Override
    void set(@Nullable Object value) {
      invoke(setter, converted(value, type()));
    }

    private @Nullable Object invoke(Method method, @Nullable Object... arguments) {
      try {
        return method.invoke(holder, arguments);
      } catch (IllegalAccessException e) {
        throw new IllegalStateException(method + " cannot be called", e);
      } catch (InvocationTargetException e) {
        if (e.getCause() instanceof RuntimeException thrown) {
          throw thrown; // the user's own
        }
        throw new IllegalStateException(method + " failed: " + e.getCause(), e);
      }
    }

    @Override
    @Nullable String obstacle() {
      return accessible(setter)
          ? null
          : "has a setter that is not accessible: its module must open the package "
              + holder.getClass().getPackageName();
    }
  }
}

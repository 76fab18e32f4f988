package org.lrfinder.internal.bean;

import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * A named value of a user's object: an entry of a map, a field, or a property with getter and
 * setter.
 */
public sealed interface Property {
  /** Types that can hold a learning rate. */
  List<Class<?>> REAL =
      List.of(double.class, Double.class, float.class, Float.class, Number.class, Object.class);

  String name();

  @Nullable Object value();

  /**
   * Sets the value.
   *
   * @param value of the property's type
   */
  void set(@Nullable Object value);

  /** Sets a learning rate that the property can hold. */
  default void setRate(double lr) {
    Object old = value();
    boolean single = type() == float.class || type() == Float.class || old instanceof Float;
    set(single ? (Object) (float) lr : (Object) lr);
  }

  /** Why the value cannot be set at all; null if it can. */
  @Nullable String obstacle();

  Class<?> type();

  /** Why it cannot hold a learning rate; null if it can. */
  default @Nullable String obstacleToRate() {
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
  @SuppressWarnings("unchecked") // whether a map takes the value is found out by obstacle()
  static @Nullable Property of(Object holder, String name) {
    if (holder instanceof Map<?, ?> map) {
      return map.containsKey(name) ? new OfMap((Map<Object, @Nullable Object>) map, name) : null;
    }
    Field field = field(holder.getClass(), name);
    Method getter = getter(holder.getClass(), name);
    Class<?> type =
        getter != null ? getter.getReturnType() : field != null ? field.getType() : null;
    Method setter = type == null ? null : setter(holder.getClass(), name, type);
    if (setter != null) {
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
    // A model may itself be a Module, whose fields are addresses.
    return Stream.<Class<?>>iterate(
            type, c -> c != null && c != Object.class && c != Pointer.class, Class::getSuperclass)
        .flatMap(c -> Arrays.stream(c.getDeclaredFields()))
        .filter(f -> !f.isSynthetic() && !Modifier.isStatic(f.getModifiers()));
  }

  private static @Nullable Field field(Class<?> type, String name) {
    return fields(type).filter(f -> f.getName().equals(name)).findFirst().orElse(null);
  }

  private static @Nullable Method getter(Class<?> type, String name) {
    return Stream.of("get" + capital(name), "is" + capital(name), name)
        .flatMap(wanted -> Arrays.stream(type.getMethods()).filter(m -> named(m, wanted, 0)))
        .filter(method -> method.getReturnType() != void.class)
        .findFirst()
        .orElse(null);
  }

  /** Of overloaded ones that of the property's own type, or else one that takes a rate. */
  private static @Nullable Method setter(Class<?> type, String name, Class<?> own) {
    return Arrays.stream(type.getMethods())
        .filter(method -> named(method, "set" + capital(name), 1))
        .min(
            Comparator.comparing((Method m) -> m.getParameterTypes()[0] != own)
                .thenComparing(m -> !REAL.contains(m.getParameterTypes()[0]))
                .thenComparing(m -> m.getParameterTypes()[0].getName()))
        .orElse(null);
  }

  private static boolean named(Method method, String name, int parameters) {
    return method.getName().equals(name)
        && method.getParameterCount() == parameters
        && !method.isBridge()
        && !Modifier.isStatic(method.getModifiers());
  }

  private static String capital(String name) {
    return Character.toUpperCase(name.charAt(0)) + name.substring(1);
  }

  /** An entry of a map. */
  record OfMap(Map<Object, @Nullable Object> map, String name) implements Property {
    @Override
    public Class<?> type() {
      return Object.class;
    }

    @Override
    public @Nullable Object value() {
      return map.get(name);
    }

    @Override
    public void set(@Nullable Object value) {
      map.put(name, value);
    }

    @Override
    public @Nullable String obstacle() {
      try {
        map.put(name, map.get(name));
        return null;
      } catch (UnsupportedOperationException e) {
        return "is in a map that cannot be changed";
      }
    }
  }

  /** A field without a setter. */
  record OfField(Object holder, Field field) implements Property {
    @Override
    public String name() {
      return field.getName();
    }

    @Override
    public Class<?> type() {
      return field.getType();
    }

    @Override
    public @Nullable Object value() {
      return read(holder, field);
    }

    static @Nullable Object read(Object holder, Field field) {
      if (!field.trySetAccessible()) {
        return null;
      }
      try {
        return field.get(holder);
      } catch (IllegalAccessException e) {
        throw new IllegalStateException("field " + field.getName() + " cannot be read", e);
      }
    }

    @Override
    public void set(@Nullable Object value) {
      try {
        field.set(holder, value);
      } catch (IllegalAccessException e) {
        throw new IllegalStateException("field " + name() + " cannot be written", e);
      }
    }

    @Override
    public @Nullable String obstacle() {
      if (Modifier.isFinal(field.getModifiers())) {
        return "is final and has no setter";
      }
      return field.trySetAccessible()
          ? null
          : "is not accessible: its module must open the package "
              + holder.getClass().getPackageName();
    }
  }

  /** A property with a setter. */
  record OfSetter(
      Object holder, String name, @Nullable Field field, @Nullable Method getter, Method setter)
      implements Property {
    @Override
    public Class<?> type() {
      return setter.getParameterTypes()[0];
    }

    @Override
    public @Nullable Object value() {
      if (getter != null && getter.trySetAccessible()) {
        return invoke(getter);
      }
      return field == null ? null : OfField.read(holder, field);
    }

    @Override
    public void set(@Nullable Object value) {
      invoke(setter, value);
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
    public @Nullable String obstacle() {
      return setter.trySetAccessible()
          ? null
          : "has a setter that is not accessible: its module must open the package "
              + holder.getClass().getPackageName();
    }
  }
}

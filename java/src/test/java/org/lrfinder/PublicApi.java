package org.lrfinder;

import static java.util.Comparator.comparing;
import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.mapping;

import java.io.IOException;
import java.lang.reflect.AnnotatedType;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.GenericDeclaration;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** The classes that users see, and their members as Java would declare them. */
final class PublicApi {
  private static final Path CLASSES = Path.of("target/classes");
  private static final String HEAD =
      """
      What users of the library see, written by PublicApiTest: first every class once, then what each declares. All is public
      where protected is not said. Left out are parameters' names, accessors and canonical constructors of records, and what
      overrides a method of Object or Enum.
      """;

  private final List<Class<?>> classes;

  private PublicApi(List<Class<?>> classes) {
    this.classes = classes;
  }

  static PublicApi read() throws IOException {
    try (Stream<Path> files = Files.walk(CLASSES.resolve("org/lrfinder"))) {
      List<Class<?>> classes = new ArrayList<>();
      files
          .map(file -> CLASSES.relativize(file).toString())
          .filter(file -> file.endsWith(".class") && !file.endsWith("package-info.class"))
          .map(file -> file.substring(0, file.length() - ".class".length()).replace('/', '.'))
          .filter(name -> !name.matches("org\\.lrfinder\\.(internal|cli)\\..*"))
          .forEach(name -> classes.add(load(name)));
      classes.removeIf(type -> !isVisible(type));
      classes.sort(comparing(PublicApi::nameOf));
      return new PublicApi(List.copyOf(classes));
    }
  }

  private static Class<?> load(String name) {
    try {
      return Class.forName(name, false, PublicApi.class.getClassLoader());
    } catch (ClassNotFoundException e) {
      throw new AssertionError(e);
    }
  }

  private static boolean isVisible(Class<?> type) {
    return isForUsers(type.getModifiers())
        && !type.isAnonymousClass()
        && !type.isLocalClass()
        && (type.getEnclosingClass() == null || isVisible(type.getEnclosingClass()));
  }

  private static boolean isForUsers(int modifiers) {
    return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
  }

  /** The listing: every class by name, then one block for each. */
  String listing() {
    TreeMap<String, String> byPackage =
        classes.stream()
            .collect(
                groupingBy(
                    Class::getPackageName,
                    TreeMap::new,
                    mapping(PublicApi::nameOf, joining(", "))));
    StringBuilder text = new StringBuilder(HEAD).append('\n');
    byPackage.forEach((name, types) -> text.append(name + ": " + types + "\n"));
    for (String name : byPackage.keySet()) {
      text.append("\n\npackage " + name + "\n");
      for (Class<?> type : classes) {
        if (type.getPackageName().equals(name)) {
          text.append("\n" + declaration(type) + "\n");
          lines(type).forEach(line -> text.append("  " + line + "\n"));
        }
      }
    }
    return text.toString();
  }

  /** The project's own types that signatures name and users cannot, each with where it is named. */
  Set<String> namedButNotForUsers() {
    Set<String> found = new TreeSet<>();
    for (Class<?> type : classes) {
      Consumer<Type> check = named -> collect(named, nameOf(type), found);
      Stream.of(type.getGenericInterfaces()).forEach(check);
      if (type.getGenericSuperclass() instanceof ParameterizedType superclass) {
        Stream.of(superclass.getActualTypeArguments()).forEach(check);
      }
      if (type.getSuperclass() != null && Modifier.isPublic(type.getSuperclass().getModifiers())) {
        check.accept(type.getSuperclass());
      }
      bounds(type).forEach(check);
      for (Member member : members(type)) {
        String where = nameOf(type) + (kind(member) == 1 ? "()" : "." + member.getName());
        if (member instanceof Field field) {
          collect(field.getGenericType(), where, found);
        } else if (member instanceof Executable executable) {
          Stream.of(
                  Stream.of(executable.getGenericParameterTypes()),
                  Stream.of(executable.getGenericExceptionTypes()),
                  bounds(executable),
                  Stream.of(executable.getAnnotatedReturnType().getType()))
              .flatMap(types -> types)
              .forEach(named -> collect(named, where, found));
        }
      }
    }
    return found;
  }

  private static Stream<Type> bounds(GenericDeclaration declaration) {
    return Stream.of(declaration.getTypeParameters()).flatMap(v -> Stream.of(v.getBounds()));
  }

  private void collect(Type named, String where, Set<String> found) {
    if (named instanceof Class<?> type) {
      Class<?> element = type.isArray() ? type.getComponentType() : type;
      if (element.isArray()) {
        collect(element, where, found);
      } else if (element.getName().startsWith("org.lrfinder.") && !classes.contains(element)) {
        found.add(where + " names " + element.getName());
      }
    } else if (named instanceof GenericArrayType array) {
      collect(array.getGenericComponentType(), where, found);
    } else if (named instanceof ParameterizedType parameterized) {
      collect(parameterized.getRawType(), where, found);
      Stream.of(parameterized.getActualTypeArguments()).forEach(t -> collect(t, where, found));
    } else if (named instanceof WildcardType wildcard) {
      Stream.of(wildcard.getLowerBounds()).forEach(bound -> collect(bound, where, found));
      Stream.of(wildcard.getUpperBounds()).forEach(bound -> collect(bound, where, found));
    } // a variable's bounds are looked at where it is declared
  }

  /** Public and protected members, among them those of superclasses that users do not see. */
  private List<Member> members(Class<?> type) {
    List<Member> members = new ArrayList<>();
    Class<?> owner = type;
    do {
      members.addAll(List.of(owner.getDeclaredFields()));
      members.addAll(List.of(owner.getDeclaredMethods()));
      if (owner == type) {
        members.addAll(List.of(owner.getDeclaredConstructors()));
      }
      owner = owner.getSuperclass();
    } while (owner != null && owner.getName().startsWith("org.lrfinder.") && !isVisible(owner));
    boolean isFinal = Modifier.isFinal(type.getModifiers());
    members.removeIf(
        member ->
            member.isSynthetic()
                || !isForUsers(member.getModifiers())
                || (isFinal && Modifier.isProtected(member.getModifiers())));
    return members;
  }

  private List<String> lines(Class<?> type) {
    return members(type).stream()
        .filter(member -> !isImplied(type, member))
        .sorted(
            comparing(PublicApi::kind)
                .thenComparing(Member::getName)
                .thenComparing(member -> declaration(type, member)))
        .map(member -> declaration(type, member))
        .distinct()
        .toList();
  }

  private static boolean isImplied(Class<?> type, Member member) {
    if (!(member instanceof Executable executable)) {
      return false;
    }
    Class<?>[] parameters = executable.getParameterTypes();
    Stream<RecordComponent> components =
        type.isRecord() ? Stream.of(type.getRecordComponents()) : Stream.empty();
    if (!(executable instanceof Method)) {
      return type.isRecord()
          && Arrays.equals(components.map(RecordComponent::getType).toArray(), parameters);
    }
    String name = executable.getName();
    return Stream.of(Object.class.getDeclaredMethods())
            .anyMatch(
                m -> m.getName().equals(name) && Arrays.equals(m.getParameterTypes(), parameters))
        || (type.isEnum() && name.matches("values|valueOf"))
        || (parameters.length == 0 && components.anyMatch(c -> c.getName().equals(name)));
  }

  private static int kind(Member member) {
    return member instanceof Field ? 0 : member instanceof Method ? 2 : 1;
  }

  private String declaration(Class<?> type) {
    int modifiers = type.getModifiers() & (Modifier.PROTECTED | Modifier.FINAL | Modifier.ABSTRACT);
    String kind = type.isInterface() ? "interface" : type.isEnum() ? "enum" : "class";
    if (type.isInterface()) {
      modifiers &= ~Modifier.ABSTRACT;
    } else if (type.isEnum() || type.isRecord()) {
      modifiers &= ~(Modifier.FINAL | Modifier.ABSTRACT);
      kind = type.isRecord() ? "record" : kind;
    }
    StringBuilder text = new StringBuilder(Modifier.toString(modifiers));
    text.append(text.isEmpty() ? "" : " ")
        .append(type.isSealed() && !type.isEnum() ? "sealed " : "");
    text.append(kind + " " + nameOf(type) + parameters(type).stripTrailing());
    if (type.isRecord()) {
      text.append(
          Stream.of(type.getRecordComponents())
              .map(component -> text(component.getAnnotatedType()) + " " + component.getName())
              .collect(joining(", ", "(", ")")));
    } else if (!type.isInterface() && !type.isEnum() && isVisibleParent(type.getSuperclass())) {
      text.append(" extends " + text(type.getAnnotatedSuperclass()));
    }
    AnnotatedType[] interfaces = type.getAnnotatedInterfaces();
    if (interfaces.length > 0) {
      text.append(type.isInterface() ? " extends " : " implements ").append(list(interfaces));
    }
    if (type.isSealed() && !type.isEnum()) {
      String permitted =
          Stream.of(type.getPermittedSubclasses())
              .filter(classes::contains)
              .map(PublicApi::nameOf)
              .sorted()
              .collect(joining(", "));
      text.append(permitted.isEmpty() ? "" : " permits " + permitted);
    }
    return text.toString();
  }

  private static boolean isVisibleParent(Class<?> type) {
    return type != Object.class && isVisible(type);
  }

  private static String declaration(Class<?> type, Member member) {
    int modifiers =
        member.getModifiers()
            & (Modifier.PROTECTED | Modifier.STATIC | Modifier.FINAL | Modifier.ABSTRACT);
    if (type.isInterface()) {
      modifiers &=
          ~(Modifier.ABSTRACT | (member instanceof Field ? Modifier.STATIC | Modifier.FINAL : 0));
    }
    String prefix = Modifier.toString(modifiers) + (modifiers == 0 ? "" : " ");
    if (member instanceof Field field) {
      return field.isEnumConstant()
          ? field.getName()
          : prefix + text(field.getAnnotatedType()) + " " + field.getName();
    }
    Executable executable = (Executable) member;
    String name = type.getSimpleName();
    if (executable instanceof Method method) {
      prefix += method.isDefault() ? "default " : "";
      name = text(method.getAnnotatedReturnType()) + " " + method.getName();
    }
    AnnotatedType[] thrown = executable.getAnnotatedExceptionTypes();
    String types = list(executable.getAnnotatedParameterTypes());
    if (executable.isVarArgs()) {
      types = types.substring(0, types.length() - "[]".length()) + "...";
    }
    return prefix
        + parameters(executable)
        + name
        + "("
        + types
        + ")"
        + (thrown.length == 0 ? "" : " throws " + list(thrown));
  }

  private static String parameters(GenericDeclaration declaration) {
    TypeVariable<?>[] variables = declaration.getTypeParameters();
    return variables.length == 0
        ? ""
        : Stream.of(variables).map(PublicApi::bounded).collect(joining(", ", "<", "> "));
  }

  private static String bounded(TypeVariable<?> variable) {
    String bounds =
        Stream.of(variable.getAnnotatedBounds())
            .map(PublicApi::text)
            .filter(bound -> !bound.equals("Object"))
            .collect(joining(" & "));
    return variable.getName() + (bounds.isEmpty() ? "" : " extends " + bounds);
  }

  private static String list(AnnotatedType[] types) {
    return Stream.of(types).map(PublicApi::text).collect(joining(", "));
  }

  private static String text(AnnotatedType type) {
    return type.toString().replaceAll("\\b[a-z]\\w*\\.", "").replace("()", "").replace('$', '.');
  }

  private static String nameOf(Class<?> type) {
    return type.getName().substring(type.getPackageName().length() + 1).replace('$', '.');
  }
}

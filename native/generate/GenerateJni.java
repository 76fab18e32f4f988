import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.javacpp.tools.Builder;
import org.bytedeco.javacpp.tools.Generator;

/**
 * Has JavaCPP generate the source of the JNI library, the same each time. JavaCPP writes methods,
 * and numbers the classes they name, in the order in which reflection hands them out, which is that
 * of addresses in the JVM. But reflection hands out copies of an array that it keeps: with that one
 * sorted, all are.
 *
 * <p>Run from its source, with {@code --add-opens java.base/java.lang=ALL-UNNAMED}. Arguments: the
 * folder of the classes, the package, the folder for what is generated.
 */
class GenerateJni {
  private final Map<Class<?>, Method[]> sorted = new HashMap<>();
  private final Method declaredMethods;

  private GenerateJni() throws ReflectiveOperationException {
    declaredMethods = Class.class.getDeclaredMethod("privateGetDeclaredMethods", boolean.class);
    declaredMethods.setAccessible(true);
  }

  public static void main(String[] args) throws Exception {
    GenerateJni order = new GenerateJni();
    Field classesOfEveryLibrary = Generator.class.getDeclaredField("baseClasses");
    classesOfEveryLibrary.setAccessible(true);
    for (Object base : (List<?>) classesOfEveryLibrary.get(null)) {
      order.sort((Class<?>) base);
    }
    for (String name : classNames(Path.of(args[0]), args[1])) {
      order.sort(Class.forName(name, false, GenerateJni.class.getClassLoader()));
    }
    Path generated = Files.createDirectories(Path.of(args[2]));
    Path fresh = Files.createTempDirectory(generated, "fresh");
    quietly("-nocompile", "-cp", args[0], "-d", fresh.toString(), args[1] + ".**");
    order.requireKept();
    moveWhatChanged(fresh, generated);
  }

  /** What did not change keeps its time, so that nobody compiles it again. */
  private static void moveWhatChanged(Path from, Path to) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(from)) {
      for (Path file : files) {
        Path old = to.resolve(file.getFileName());
        if (Files.exists(old) && Files.mismatch(file, old) == -1) {
          Files.delete(file);
        } else {
          Files.move(file, old, StandardCopyOption.REPLACE_EXISTING);
        }
      }
    }
    Files.delete(from);
  }

  /** What the builder says, it says as an error: it is shown if there is one. */
  private static void quietly(String... arguments) throws Exception {
    PrintStream console = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    System.setErr(new PrintStream(said, true));
    try {
      Builder.main(arguments);
    } catch (Exception e) {
      console.print(said);
      throw e;
    } finally {
      System.setErr(console);
    }
  }

  private static List<String> classNames(Path folder, String inPackage) throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve(inPackage.replace('.', '/')))) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(file -> file.endsWith(".class"))
          .map(file -> inPackage + "." + file.replaceFirst("\\.class$", ""))
          .toList();
    }
  }

  /** Also of its superclasses, of which JavaCPP asks for what may be overridden. */
  private void sort(Class<?> type) throws ReflectiveOperationException {
    for (Class<?> c = type; c != null && !sorted.containsKey(c); c = c.getSuperclass()) {
      Method[] methods = kept(c);
      Arrays.sort(methods, Comparator.comparing(Method::toString));
      sorted.put(c, methods);
    }
  }

  private Method[] kept(Class<?> type) throws ReflectiveOperationException {
    return (Method[]) declaredMethods.invoke(type, false);
  }

  /** Reflection may forget what it keeps, if memory is short. */
  private void requireKept() throws ReflectiveOperationException {
    for (Class<?> type : sorted.keySet()) {
      if (kept(type) != sorted.get(type)) {
        throw new IllegalStateException(
            "The order of the methods of " + type + " was lost: give the JVM more memory");
      }
    }
  }
}

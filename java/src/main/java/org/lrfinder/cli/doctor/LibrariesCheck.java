package org.lrfinder.cli.doctor;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;

/** The jars: whether all that it takes are there, whole, and of versions that belong together. */
final class LibrariesCheck {
  /** System property that names another file than the jar's. */
  static final String OTHER_LIBRARY = "org.lrfinder.library";

  private static final String BUILT = "native.properties";
  private static final Pattern IN_REPOSITORY =
      Pattern.compile(".*/\\.m2/repository/(.+)/([^/]+)/([^/]+)/\\2-\\3(?:-(.+))?\\.jar");

  private final ClassPath classPath;

  LibrariesCheck(ClassPath classPath) {
    this.classPath = classPath;
  }

  Section examine() {
    Section.Builder section = Section.of("libraries");
    own(section);
    for (Library library : Library.values()) {
      Map<String, Object> seen = new LinkedHashMap<>();
      library.version().ifPresent(version -> seen.put("version", version));
      library.places().stream().findFirst().ifPresent(jar -> seen.put("jar", jar.toString()));
      library
          .nativePlaces()
          .forEach(jar -> seen.merge("native_jar", jar.toString(), (first, later) -> first));
      if (!seen.isEmpty()) {
        section.fact(library.artifact(), seen);
      }
    }
    damaged().forEach(section::find);
    twice().forEach(section::find);
    versions().forEach(section::find);
    missing().forEach(section::find);
    return section.build();
  }

  /** The jar that this class is in. */
  private static void own(Section.Builder section) {
    Map<String, Object> seen = new LinkedHashMap<>();
    String version = LibrariesCheck.class.getPackage().getImplementationVersion();
    if (version != null) { // there is none of classes in a folder
      seen.put("version", version);
    }
    ownPlace().ifPresent(place -> seen.put("jar", place.toString()));
    section.fact("lrfinder", seen);
  }

  /** {@return the jar or folder of lrfinder itself} */
  static Optional<Path> ownPlace() {
    return ClassPath.having(LibrariesCheck.class.getName().replace('.', '/') + ".class").stream()
        .findFirst();
  }

  /** A JVM passes over such a jar, as if it were not there. */
  private List<Finding> damaged() {
    return classPath.damaged().entrySet().stream()
        .map(
            jar ->
                Finding.broken(
                    "damaged-jar",
                    "%s is damaged (%s)".formatted(jar.getKey(), jar.getValue()),
                    fetchedAnew(jar.getKey())))
        .toList();
  }

  /** {@return how a jar is replaced by a whole one} */
  static Cure fetchedAnew(Path jar) {
    String delete = "rm " + Cure.quoted(jar);
    Matcher repository = IN_REPOSITORY.matcher(jar.toString());
    if (repository.matches()) {
      return Cure.commands(
          delete,
          "mvn -q dependency:get -Dtransitive=false -Dartifact=%s:%s:%s:jar%s"
              .formatted(
                  repository.group(1).replace('/', '.'),
                  repository.group(2),
                  repository.group(3),
                  repository.group(4) == null ? "" : ":" + repository.group(4)));
    }
    return artifactOf(jar)
        .map(artifact -> Cure.commands(delete, copied(artifact, jar.getParent())))
        .orElse(new Cure("run, and put the jar there again from where it came", List.of(delete)));
  }

  private static String copied(String artifact, Path folder) {
    return "mvn -q dependency:copy -Dartifact=%s -DoutputDirectory=%s"
        .formatted(artifact, Cure.quoted(folder));
  }

  /** By a file's name, of the libraries that are known here. */
  private static Optional<String> artifactOf(Path jar) {
    for (Library library : Library.values()) {
      Matcher name =
          Pattern.compile(
                  Pattern.quote(library.artifact())
                      + "-(\\d.*?)(?:-(%s.*))?\\.jar".formatted(Loader.getPlatform()))
              .matcher(jar.getFileName().toString());
      if (name.matches()) {
        return Optional.of(
            library.artifact(name.group(1), Optional.ofNullable(name.group(2)).orElse("")));
      }
    }
    return Optional.empty();
  }

  private static List<Finding> twice() {
    List<Finding> found = new ArrayList<>();
    for (Library library : Library.values()) {
      List<Path> places = library.places();
      if (places.size() > 1) {
        found.add(
            Finding.broken(
                "library-twice",
                "%s is on the class path %d times, and the first one is used: %s"
                    .formatted(library.coordinates(), places.size(), places),
                Cure.words("leave one of them: " + libtorchOfThisLrfinder())));
      }
    }
    return found;
  }

  private List<Finding> versions() {
    List<Finding> found = new ArrayList<>();
    Optional<String> pytorch = Library.PYTORCH.version();
    Optional<String> built = built("pytorch.version");
    if (pytorch.isPresent()
        && built.isPresent()
        && !pytorch.equals(built)
        && System.getProperty(OTHER_LIBRARY) == null) {
      found.add(
          Finding.broken(
              "another-libtorch",
              "the native engine was compiled for %s %s, but %s is on the class path"
                  .formatted(Library.PYTORCH.coordinates(), built.get(), pytorch.get()),
              libtorch(built.get())));
      return found; // what belongs to it is another one too
    }
    Optional<String> javacpp = Library.JAVACPP.version();
    List<String> others =
        Stream.of(Library.PYTORCH, Library.OPENBLAS, Library.MKL, Library.CUDA)
            .flatMap(library -> library.version().map(v -> library.artifact() + " " + v).stream())
            .filter(version -> javacpp.isPresent() && !version.endsWith("-" + javacpp.get()))
            .toList();
    if (!others.isEmpty()) {
      found.add(
          Finding.broken(
              "versions-differ",
              "org.bytedeco's javacpp is %s, but beside it are %s: all must end alike"
                  .formatted(javacpp.orElse(""), String.join(", ", others)),
              libtorch(built.or(() -> pytorch).orElse("VERSION"))));
    }
    for (Library library : Library.values()) {
      Optional<Path> jar = library.nativePlaces().stream().findFirst();
      Optional<String> version = library.version();
      Optional<String> ofNative = jar.flatMap(library::version);
      if (version.isPresent() && ofNative.isPresent() && !version.equals(ofNative)) {
        found.add(
            Finding.broken(
                "versions-differ",
                "%s is %s, but its native part in %s is %s"
                    .formatted(library.coordinates(), version.get(), jar.get(), ofNative.get()),
                added(library, version.get(), Loader.getPlatform())));
      }
    }
    return found;
  }

  private List<Finding> missing() {
    List<Finding> found = new ArrayList<>();
    Optional<String> pytorch = Library.PYTORCH.version().or(() -> built("pytorch.version"));
    for (Library library : List.of(Library.PYTORCH, Library.OPENBLAS)) {
      if (library.nativePlaces().isEmpty() && !isDamaged(library)) {
        found.add(
            Finding.broken(
                "libtorch-missing",
                "libtorch is not whole on the class path: %s with classifier %s is missing"
                    .formatted(library.coordinates(), Loader.getPlatform()),
                library.version().isEmpty()
                    ? libtorch(pytorch.orElse("VERSION"))
                    : added(library, library.version().get(), Loader.getPlatform())));
      }
    }
    if (isSupported()
        && System.getProperty(OTHER_LIBRARY) == null
        && built("torch.version").isEmpty()
        && !isDamaged(Library.NATIVE_CORE)) {
      found.add(
          Finding.broken(
              "native-library-missing",
              "the native library is not on the class path: %s with classifier %s"
                  .formatted(Library.NATIVE_CORE.coordinates(), Loader.getPlatform()),
              added(
                  Library.NATIVE_CORE,
                  Library.NATIVE_CORE.version().orElse("VERSION"),
                  Loader.getPlatform())));
    }
    return found;
  }

  private boolean isDamaged(Library library) {
    return classPath.damaged().keySet().stream()
        .anyMatch(
            jar ->
                jar.getFileName()
                    .toString()
                    .matches(library.artifact() + "-.*" + Loader.getPlatform() + ".*"));
  }

  private static boolean isSupported() {
    return Loader.getPlatform().equals("linux-x86_64");
  }

  /** {@return how a jar comes onto the class path} */
  private Cure added(Library library, String version, String classifier) {
    String file = "%s-%s-%s.jar".formatted(library.artifact(), version, classifier);
    return classPath.missing().stream()
        .filter(path -> path.getFileName().toString().equals(file))
        .findFirst() // which a manifest names: there it has to lie
        .map(path -> Cure.commands(copied(library.artifact(version, classifier), path.getParent())))
        .orElse(
            new Cure(
                "add to pom.xml, or that jar to the class path",
                List.of(library.dependency(version, classifier))));
  }

  private static Cure libtorch(String version) {
    return new Cure(
        "have it in pom.xml, and no other version of org.bytedeco's, or these jars on the class path",
        List.of(
            "<dependency><groupId>org.bytedeco</groupId><artifactId>pytorch-platform</artifactId><version>%s</version></dependency>"
                .formatted(version)));
  }

  private static String libtorchOfThisLrfinder() {
    return built("pytorch.version")
        .map(version -> "lrfinder was compiled for org.bytedeco:pytorch " + version)
        .orElse("all of org.bytedeco's versions end alike");
  }

  /** {@return what the native library was built with, as it says itself} */
  static Optional<String> built(String key) {
    String name = "org/lrfinder/internal/nativecore/%s/%s".formatted(Loader.getPlatform(), BUILT);
    try (InputStream in = LibrariesCheck.class.getClassLoader().getResourceAsStream(name)) {
      Properties properties = new Properties();
      if (in != null) {
        properties.load(in);
      }
      return Optional.ofNullable(properties.getProperty(key));
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}

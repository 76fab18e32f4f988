package org.lrfinder.cli.doctor;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import org.bytedeco.javacpp.Loader;

/** A library of Java classes whose native part is in a jar of its own, with a classifier. */
enum Library {
  JAVACPP("org.bytedeco", "javacpp", "org/bytedeco/javacpp/", "Loader", "jnijavacpp"),
  PYTORCH("org.bytedeco", "pytorch", "org/bytedeco/pytorch/", "Tensor", "jnitorch"),
  OPENBLAS(
      "org.bytedeco",
      "openblas",
      "org/bytedeco/openblas/",
      "global/openblas",
      "jniopenblas_nolapack"),
  MKL("org.bytedeco", "mkl", "org/bytedeco/mkl/", "global/mkl_rt", "iomp5"), // -redist's
  CUDA("org.bytedeco", "cuda", "org/bytedeco/cuda/", "global/cudart", "jnicudart"),
  NATIVE_CORE(
      "org.lrfinder",
      "lrfinder-native",
      "org/lrfinder/internal/nativecore/",
      "NativeCore",
      "jnilrfinder");

  private static final List<String> EXTENSIONS = List.of("", "-gpu", "-redist");

  private final String group;
  private final String artifact;
  private final String folder;
  private final String firstClass;
  private final String library;

  Library(String group, String artifact, String folder, String firstClass, String library) {
    this.group = group;
    this.artifact = artifact;
    this.folder = folder;
    this.firstClass = firstClass;
    this.library = library;
  }

  String artifact() {
    return artifact;
  }

  /** {@return group and artifact, as build tools write them} */
  String coordinates() {
    return group + ":" + artifact;
  }

  /** {@return jars or folders with the Java part, the one that is used first} */
  List<Path> places() {
    return ClassPath.having(folder + firstClass + ".class");
  }

  /**
   * {@return jars or folders with the native part for this platform, the one that is used first}
   */
  List<Path> nativePlaces() {
    return nativeFolders()
        .flatMap(name -> ClassPath.having(name + System.mapLibraryName(library)).stream())
        .toList();
  }

  /** {@return folders within jars that may hold the native part} */
  Stream<String> nativeFolders() {
    return EXTENSIONS.stream().map(extension -> folder + Loader.getPlatform() + extension + "/");
  }

  /** {@return the version that a jar of this library names; empty if it names none} */
  Optional<String> version(Path jar) {
    if (!Files.isRegularFile(jar)) {
      return Optional.empty();
    }
    try (JarFile opened = new JarFile(jar.toFile(), /* verify= */ false)) {
      ZipEntry entry =
          opened.getEntry("META-INF/maven/%s/%s/pom.properties".formatted(group, artifact));
      if (entry == null) {
        return Optional.empty();
      }
      try (InputStream in = opened.getInputStream(entry)) {
        Properties properties = new Properties();
        properties.load(in);
        return Optional.ofNullable(properties.getProperty("version"));
      }
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** {@return the Java part's version; empty if it is not there, or names none} */
  Optional<String> version() {
    return places().stream().findFirst().flatMap(this::version);
  }

  /**
   * {@return a jar of this library as a dependency for a pom.xml, in one line}
   *
   * @param classifier empty for the Java part
   */
  String dependency(String version, String classifier) {
    return "<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version>%s</dependency>"
        .formatted(
            group,
            artifact,
            version,
            classifier.isEmpty() ? "" : "<classifier>" + classifier + "</classifier>");
  }

  /** {@return the same as Maven's command line takes it} */
  String artifact(String version, String classifier) {
    return "%s:%s:%s:jar%s"
        .formatted(group, artifact, version, classifier.isEmpty() ? "" : ":" + classifier);
  }
}

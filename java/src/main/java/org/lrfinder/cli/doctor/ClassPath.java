package org.lrfinder.cli.doctor;

import java.io.File;
import java.io.IOException;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What this JVM's class path and module path hold, with what the manifests of their jars add.
 *
 * @param jars that can be opened, in their order
 * @param missing what is named and is not there
 * @param damaged jars that cannot be opened, which a JVM passes over without a word, and why
 */
record ClassPath(List<Path> jars, List<Path> missing, Map<Path, String> damaged) {
  static ClassPath ofThisJvm() {
    List<Path> jars = new ArrayList<>();
    List<Path> missing = new ArrayList<>();
    Map<Path, String> damaged = new LinkedHashMap<>();
    Deque<Path> left = new ArrayDeque<>(entries("java.class.path"));
    entries("jdk.module.path").forEach(path -> left.addAll(jarsIn(path)));
    Set<Path> seen = new LinkedHashSet<>();
    while (!left.isEmpty()) {
      Path entry = left.remove().toAbsolutePath().normalize();
      if (!seen.add(entry) || Files.isDirectory(entry)) {
        continue;
      }
      if (!Files.exists(entry)) {
        missing.add(entry);
        continue;
      }
      try (JarFile jar = new JarFile(entry.toFile(), /* verify= */ false)) {
        left.addAll(named(jar.getManifest(), entry));
        jars.add(entry);
      } catch (IOException e) {
        damaged.put(entry, String.valueOf(e.getMessage()));
      }
    }
    return new ClassPath(jars, missing, damaged);
  }

  private static List<Path> entries(String property) {
    return Stream.of(System.getProperty(property, "").split(File.pathSeparator))
        .filter(entry -> !entry.isEmpty())
        .map(Path::of)
        .toList();
  }

  /** A module path names jars and folders of jars. */
  private static List<Path> jarsIn(Path path) {
    if (!Files.isDirectory(path) || Files.exists(path.resolve("module-info.class"))) {
      return List.of(path);
    }
    try (Stream<Path> files = Files.list(path)) {
      return files.filter(file -> file.toString().endsWith(".jar")).sorted().toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  private static List<Path> named(@Nullable Manifest manifest, Path jar) {
    String line =
        manifest == null ? null : manifest.getMainAttributes().getValue(Attributes.Name.CLASS_PATH);
    List<Path> named = new ArrayList<>();
    if (line != null) {
      for (String url : line.strip().split("\\s+")) {
        try {
          URI resolved = jar.toUri().resolve(url);
          if ("file".equals(resolved.getScheme())) {
            named.add(Path.of(resolved));
          }
        } catch (IllegalArgumentException e) {
          // no name of a file: the JVM ignores it too
        }
      }
    }
    return named;
  }

  /** {@return all jars or folders that have a resource, in the order in which they are asked} */
  static List<Path> having(String resource) {
    try {
      List<Path> places = new ArrayList<>();
      for (URL url :
          (Iterable<URL>) ClassPath.class.getClassLoader().getResources(resource)::asIterator) {
        place(url, resource).ifPresent(places::add);
      }
      return places;
    } catch (IOException e) {
      return List.of();
    }
  }

  private static Optional<Path> place(URL url, String resource) {
    try {
      if (url.openConnection() instanceof JarURLConnection jar) {
        return Optional.of(Path.of(jar.getJarFileURL().toURI()));
      }
      Path file = Path.of(url.toURI());
      return Optional.of(file.getRoot().resolve(file.subpath(0, depth(file, resource))));
    } catch (IOException | URISyntaxException | IllegalArgumentException e) {
      return Optional.empty(); // of another file system
    }
  }

  private static int depth(Path file, String resource) {
    return file.getNameCount() - Path.of(resource).getNameCount();
  }
}

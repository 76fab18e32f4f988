package org.lrfinder.internal.engine;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;
import org.lrfinder.internal.io.AtomicFile;
import org.lrfinder.internal.nativecore.NativeCore;

/**
 * The first load of libtorch on a machine. JavaCPP unpacks its files one after the other, and loads
 * each with those beside it: of several processes that begin at the same time, one would load what
 * another has written half.
 */
public final class FirstLoad {
  private static final String OPENBLAS = "org.bytedeco.openblas.load";

  private FirstLoad() {}

  /**
   * Loads libtorch while no other process does so, unless an earlier one has unpacked all of it.
   * Only processes that call this wait for one another.
   *
   * @throws UnsatisfiedLinkError if it cannot be loaded; the message says why and what to do
   */
  public static void ofLibtorch() {
    try {
      Path cache = Loader.getCacheDir().toPath().toRealPath();
      Path record = Files.createDirectories(cache.resolve("lrfinder")).resolve(name());
      if (isUnpacked(record)) {
        return;
      }
      try (FileChannel file =
              FileChannel.open(
                  cache.resolve("lrfinder/lock"),
                  StandardOpenOption.CREATE,
                  StandardOpenOption.WRITE);
          FileLock lock = file.lock()) {
        load();
        AtomicFile.write(record, String.join("\n", loaded(cache)).getBytes(UTF_8));
      }
    } catch (IOException | RuntimeException e) {
      load(); // nothing to lock there, no locks, or presets that do not know their version
    }
  }

  private static void load() {
    try {
      NativeCore.libtorchVersion();
    } catch (LinkageError e) {
      throw NativeCore.explained(e);
    }
  }

  /** Of the record of one set of libraries. */
  private static String name() throws IOException {
    return "unpacked-%08x"
        .formatted(
            Objects.hash(
                System.getProperty("java.class.path"),
                System.getProperty("jdk.module.path"),
                System.getProperty(OPENBLAS),
                Loader.getPlatform(),
                Loader.getVersion("org.bytedeco", "pytorch")));
  }

  /** What lies in the cache and is mapped by this process, each file with its size and time. */
  private static List<String> loaded(Path cache) throws IOException {
    try (Stream<String> mapped = Files.lines(Path.of("/proc/self/maps"))) {
      List<Path> files =
          mapped
              .filter(line -> line.contains(cache + "/"))
              .map(line -> Path.of(line.substring(line.indexOf('/'))))
              .distinct()
              .toList();
      List<String> lines = new ArrayList<>();
      for (Path file : files) {
        lines.add(line(file));
      }
      return lines;
    }
  }

  private static String line(Path file) throws IOException {
    return "%d %d %s".formatted(Files.size(file), Files.getLastModifiedTime(file).toMillis(), file);
  }

  private static boolean isUnpacked(Path record) {
    try {
      List<String> lines = Files.readAllLines(record);
      for (String line : lines) {
        if (!line.equals(line(Path.of(line.substring(line.indexOf('/')))))) {
          return false;
        }
      }
      return !lines.isEmpty();
    } catch (IOException e) {
      return false;
    }
  }
}

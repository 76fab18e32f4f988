package org.lrfinder.internal.nativecore;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/**
 * Loads the native core, and says why where it cannot. The classes that stand for the core's may be
 * used once {@link #load} has returned.
 */
public final class NativeCore {
  /** System property that names another file to load, by its absolute path. */
  public static final String LIBRARY_PROPERTY = "org.lrfinder.library";

  private static final String SUPPORTED = "linux-x86_64";
  private static final String LIBRARY = "lib" + LrFinderPreset.LIBRARY + ".so";
  private static final String CUDA_LIBRARY = "liblrfinder_cuda.so";
  private static final String BUILT = "native.properties";

  private NativeCore() {}

  /**
   * Loads the JNI library. Thread-safe; costs nothing once it is loaded.
   *
   * @throws UnsatisfiedLinkError if it cannot be loaded: the message says why and what to do, the
   *     cause is kept
   */
  public static void load() {
    if (Loaded.FAILURE != null) {
      throw new ExplainedLinkError(Loaded.FAILURE.getMessage(), Loaded.FAILURE.getCause());
    }
  }

  /** {@return what was amiss and did not keep {@link #load} from loading, in words} */
  public static List<String> warnings() {
    return Loaded.WARNINGS;
  }

  /**
   * Puts the library for CUDA to where the core looks for it, beside the JNI library, and does not
   * load it. Thread-safe; costs nothing once it was called. To be called after {@link #load}.
   *
   * @return why it could not be put there; empty if it was, or if this build has none
   */
  public static Optional<String> provideCudaLibrary() {
    return Cuda.PROBLEM;
  }

  /** {@return the version of the libtorch in use, such as 2.10.0} */
  public static String libtorchVersion() {
    return Libtorch.VERSION;
  }

  /**
   * Explains why a library did not load.
   *
   * @param failure what came out of the first use of libtorch, or of {@link #load}
   * @return an error that says why and what to do
   */
  public static UnsatisfiedLinkError explained(LinkageError failure) {
    return failure instanceof ExplainedLinkError explained
        ? explained
        : new ExplainedLinkError(
            "libtorch could not be loaded: " + LoadFailure.ofLibtorch(failure), failure);
  }

  /**
   * Finds out what loading would fail on in a less helpful way.
   *
   * @param platform JavaCPP's name of this machine
   * @param built what the library was built with, as its classifier jar says; null without that jar
   * @param libtorch version of the libtorch in use
   * @return why the library cannot be loaded, or null
   */
  static String refusal(String platform, Properties built, String libtorch) {
    if (!platform.equals(SUPPORTED)) {
      return "there is no native library for " + platform + ", only for " + SUPPORTED;
    }
    if (built == null) {
      return DamagedJar.onClassPath()
          .orElse(
              "the native library is not on the class path: add org.lrfinder:lrfinder-native with classifier "
                  + platform
                  + " (a build without C++ tools makes that jar empty)");
    }
    String compiledFor = built.getProperty("torch.version", "of an unknown version");
    if (!compiledFor.equals(libtorch)) {
      return "the native library was compiled for libtorch "
          + compiledFor
          + ", but libtorch "
          + libtorch
          + " is loaded: use org.bytedeco:pytorch "
          + built.getProperty("pytorch.version");
    }
    return null;
  }

  /** By the class loader, which also looks into other jars of a module path. */
  private static URL resource(String name) {
    return NativeCore.class
        .getClassLoader()
        .getResource(
            NativeCore.class.getPackageName().replace('.', '/') + "/" + SUPPORTED + "/" + name);
  }

  /** The one attempt to load, and how it ended. */
  private static final class Loaded {
    private static final LibraryFiles FILES = new LibraryFiles(NativeCore::resource);
    private static Path library; // of the JNI library; null if it is not loaded
    static final UnsatisfiedLinkError FAILURE = attempt();
    static final List<String> WARNINGS = FILES.warnings();

    private static UnsatisfiedLinkError attempt() {
      String named = System.getProperty(LIBRARY_PROPERTY);
      try {
        String libtorch = libtorchVersion();
        Properties built = named == null ? properties(resource(BUILT)) : builtBeside(named);
        String refusal = refusal(Loader.getPlatform(), built, libtorch);
        if (refusal != null) {
          return new ExplainedLinkError(refusal, null);
        }
        Path file = named == null ? FILES.verified(LIBRARY) : Path.of(named);
        try {
          System.load(file.toString());
        } catch (UnsatisfiedLinkError e) {
          return new ExplainedLinkError(
              "the native library could not be loaded: " + LoadFailure.ofLibrary(e, file), e);
        }
        library = file;
        return null;
      } catch (IOException e) {
        return new ExplainedLinkError(
            "the native library could not be loaded: " + e.getMessage(), e);
      } catch (LinkageError e) {
        return explained(e);
      }
    }

    /** As the build puts it there. */
    private static Properties builtBeside(String named) throws IOException {
      Path file = Path.of(named);
      if (!file.isAbsolute() || !Files.isRegularFile(file)) {
        throw new IOException(
            "the system property %s is %s, but must be the absolute path of a file"
                .formatted(LIBRARY_PROPERTY, named));
      }
      Path built = file.resolveSibling(BUILT);
      if (!Files.isRegularFile(built)) {
        throw new IOException(
            "the system property %s is %s, but there is no %s beside that file, which says for which libtorch it was compiled: copy it from where the library was built, or from its jar"
                .formatted(LIBRARY_PROPERTY, named, BUILT));
      }
      return properties(built.toUri().toURL());
    }

    private static Properties properties(URL url) throws IOException {
      if (url == null) {
        return null;
      }
      try (InputStream in = url.openStream()) {
        Properties built = new Properties();
        built.load(in);
        return built;
      }
    }
  }

  /** The one attempt to provide it. */
  private static final class Cuda {
    static final Optional<String> PROBLEM = attempt();

    private static Optional<String> attempt() {
      if (Loaded.library == null
          || System.getProperty(LIBRARY_PROPERTY) != null // it lies beside that file, or is missing
          || resource(CUDA_LIBRARY) == null) {
        return Optional.empty();
      }
      try {
        Loaded.FILES.verified(CUDA_LIBRARY, Loaded.library.getParent());
        return Optional.empty();
      } catch (IOException e) {
        return Optional.of(e.getMessage());
      }
    }
  }

  /** Asked once: the text that holds it is long. */
  private static final class Libtorch {
    static final String VERSION = version();

    private static String version() {
      try (BytePointer config = torch.show_config()) {
        Matcher matcher = Pattern.compile("TORCH_VERSION=([^,\\s]+)").matcher(config.getString());
        return matcher.find() ? matcher.group(1) : "of an unknown version";
      }
    }
  }
}

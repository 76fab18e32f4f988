package org.lrfinder.internal.nativecore;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/** Loads the native core, and says why where it cannot. */
public final class NativeCore {
  private static final String SUPPORTED = "linux-x86_64";
  private static final String CUDA_LIBRARY = "liblrfinder_cuda.so";

  private NativeCore() {}

  /**
   * Loads the JNI library. Thread-safe; costs nothing once it is loaded.
   *
   * @throws UnsatisfiedLinkError if it cannot be loaded: the message says why and what to do, the
   *     cause is kept
   */
  public static void load() {
    if (Loaded.FAILURE != null) {
      throw failure(Loaded.FAILURE.getMessage(), Loaded.FAILURE.getCause());
    }
  }

  /** {@return the version of the libtorch in use, such as 2.10.0} */
  public static String libtorchVersion() {
    return Libtorch.VERSION;
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
      return "the native library is not on the class path: add org.lrfinder:lrfinder-native with classifier "
          + platform
          + " (a build without C++ tools makes that jar empty)";
    }
    String compiledFor = built.getProperty("torch.version");
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

  private static UnsatisfiedLinkError failure(String message, Throwable cause) {
    UnsatisfiedLinkError error = new UnsatisfiedLinkError(message);
    error.initCause(cause);
    return error;
  }

  /** The one attempt to load, and how it ended. */
  private static final class Loaded {
    static final UnsatisfiedLinkError FAILURE = attempt();

    private static UnsatisfiedLinkError attempt() {
      try {
        String platform = Loader.getPlatform();
        Properties built = built(platform);
        String libtorch = libtorchVersion();
        String refusal = refusal(platform, built, libtorch);
        if (refusal != null) {
          return failure(refusal, null);
        }
        Loader.load(NativeSweep.class);
        putBeside(platform + "/" + CUDA_LIBRARY);
        return null;
      } catch (LinkageError | IOException e) {
        return failure("the native library could not be loaded: " + e, e);
      }
    }

    /**
     * Unpacks a library to where the core looks for it, and does not load it. The engine goes on
     * without it.
     */
    private static void putBeside(String library) {
      try {
        if (Loader.findResource(NativeCore.class, library) != null) {
          Loader.cacheResource(NativeCore.class, library);
        }
      } catch (IOException e) {
        // what it costs, the core says where it would need it
      }
    }

    private static Properties built(String platform) throws IOException {
      // Not of the class alone: on the module path that is its own module, the library's another.
      URL properties = Loader.findResource(NativeCore.class, platform + "/native.properties");
      if (properties == null) {
        return null;
      }
      try (InputStream in = properties.openStream()) {
        Properties built = new Properties();
        built.load(in);
        return built;
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

package org.lrfinder.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.lrfinder.internal.nativecore.NativeCore;

/** A jar with the native library, made of what was built. */
public final class LibraryJar {
  public static final String LIBRARY = "libjnilrfinder.so";
  public static final String CUDA_LIBRARY = "liblrfinder_cuda.so";
  public static final String PROPERTIES = "native.properties";

  private static final String FOLDER = "org/lrfinder/internal/nativecore/linux-x86_64/";

  private final Map<String, byte[]> entries = new TreeMap<>();

  public LibraryJar() throws IOException {
    entries.put(PROPERTIES, built(PROPERTIES));
    for (String name : new String[] {LIBRARY, CUDA_LIBRARY}) {
      if (resource(name) != null) {
        entries.put(name, built(name));
        entries.put(name + ".sha256", built(name + ".sha256"));
      }
    }
  }

  /** {@return whether the library for CUDA was built} */
  public static boolean hasCuda() {
    return resource(CUDA_LIBRARY) != null;
  }

  private static URL resource(String name) {
    return NativeCore.class.getClassLoader().getResource(FOLDER + name);
  }

  /** {@return a file as it was built} */
  public static byte[] built(String name) throws IOException {
    try (InputStream in = resource(name).openStream()) {
      return in.readAllBytes();
    }
  }

  /** Puts another library in its place, with its own digest. */
  public LibraryJar withLibrary(byte[] library) {
    entries.put(LIBRARY, library);
    entries.put(
        LIBRARY + ".sha256", (sha256(library) + "  " + LIBRARY).getBytes(StandardCharsets.UTF_8));
    return this;
  }

  public LibraryJar withProperties(String lines) {
    entries.put(PROPERTIES, lines.getBytes(StandardCharsets.UTF_8));
    return this;
  }

  /** Writes the jar and returns it. */
  public Path in(Path folder) throws IOException {
    Path jar = folder.resolve("lrfinder-native-0-linux-x86_64.jar");
    try (OutputStream out = Files.newOutputStream(jar);
        JarOutputStream into = new JarOutputStream(out)) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        into.putNextEntry(new JarEntry(FOLDER + entry.getKey()));
        into.write(entry.getValue());
        into.closeEntry();
      }
    }
    return jar;
  }

  public static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }
}

package org.lrfinder.cli.doctor;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.internal.engine.Devices;
import org.lrfinder.internal.engine.Engines;
import org.lrfinder.internal.engine.FirstLoad;

/** What is tried in a JVM of its own, which it may end, each in its turn. */
enum Step {
  /** Digests of the jars, beside names of their files. */
  DIGESTS(60) {
    @Override
    Map<String, Object> run() throws IOException {
      Map<String, Object> digests = new LinkedHashMap<>();
      Stream<Path> ofOthers =
          Stream.of(Library.values())
              .flatMap(
                  library ->
                      Stream.concat(library.places().stream(), library.nativePlaces().stream()));
      for (Path jar :
          Stream.concat(LibrariesCheck.ownPlace().stream(), ofOthers)
              .filter(Files::isRegularFile)
              .distinct()
              .toList()) {
        try (InputStream in = Files.newInputStream(jar)) {
          digests.put(jar.getFileName().toString(), NativeLibraryCheck.sha256(in));
        }
      }
      return digests;
    }
  },

  /** Loads libtorch, which fills JavaCPP's cache, while no other process does so. */
  LIBTORCH(300) {
    @Override
    Map<String, Object> run() {
      FirstLoad.ofLibtorch();
      Map<String, Object> seen = new LinkedHashMap<>();
      seen.put("libtorch_threads", torch.get_num_threads());
      seen.put("blas_threads", openblas_nolapack.blas_get_num_threads());
      seen.put("files", Loader.getLoadedLibraries().values().stream().sorted().distinct().toList());
      return seen;
    }
  },

  /** Sweeps by the native engine. */
  NATIVE(60) {
    @Override
    Map<String, Object> run() {
      return swept(EngineChoice.NATIVE, "cpu");
    }
  },

  /** Sweeps by the portable engine. */
  PORTABLE(60) {
    @Override
    Map<String, Object> run() {
      return swept(EngineChoice.PORTABLE, "cpu");
    }
  },

  /** What JavaCPP lets this process have, and what it has with libtorch in it. */
  MEMORY(30) {
    @Override
    Map<String, Object> run() {
      Map<String, Object> seen = new LinkedHashMap<>();
      seen.put("javacpp_max_bytes", Pointer.maxBytes());
      seen.put("javacpp_max_physical_bytes", Pointer.maxPhysicalBytes());
      seen.put("used_bytes", Pointer.physicalBytes());
      return seen;
    }
  },

  /** Times a wide layer's work on all threads and on one. Leaves the thread counts at one. */
  BLAS(60) {
    @Override
    Map<String, Object> run() {
      Map<String, Object> seen = new LinkedHashMap<>();
      seen.put("all_threads_us", microsecondsOfAWideLayer());
      torch.set_num_threads(1);
      openblas_nolapack.blas_set_num_threads(1);
      seen.put("one_thread_us", microsecondsOfAWideLayer());
      return seen;
    }
  },

  /** Sweeps on the first CUDA device, if there is one. */
  CUDA(120) {
    @Override
    Map<String, Object> run() {
      Map<String, Object> seen = new LinkedHashMap<>();
      seen.put("devices", torch.cuda_device_count());
      try {
        Devices.requirePresent("cuda");
        seen.putAll(swept(EngineChoice.NATIVE, "cuda:0"));
      } catch (IllegalArgumentException e) {
        seen.put(
            "problem", String.valueOf(e.getMessage()).replaceFirst("^device is cuda, but ", ""));
      }
      return seen;
    }
  };

  private static final int WIDTH = 512;
  private static final int ROWS = 64;
  private static final long MEASURED_NANOS = 400_000_000;
  private static final int MOST_TIMES = 200;

  private final int seconds;

  Step(int seconds) {
    this.seconds = seconds;
  }

  /** {@return after how many seconds it is given up} */
  int seconds() {
    return seconds;
  }

  /** {@return what it saw, in a JVM in which others may have been taken before it or not} */
  final Map<String, Object> take() throws IOException {
    if (compareTo(LIBTORCH) > 0) {
      Loader.load(torch.class);
    }
    return run();
  }

  abstract Map<String, Object> run() throws IOException;

  private static Map<String, Object> swept(EngineChoice choice, String device) {
    SelfTest.Outcome outcome = SelfTest.run(choice, device);
    EngineInfo engine = outcome.result().engine();
    Map<String, Object> seen = new LinkedHashMap<>();
    seen.put("right", outcome.isRight());
    seen.put("largest_difference", outcome.difference());
    seen.put("step_us", outcome.microseconds());
    seen.put("libtorch", engine.libtorch());
    seen.put("blas", engine.blas());
    if (choice == EngineChoice.NATIVE) {
      Kernel.find("/proc/self/maps", "\\s(/.*jnilrfinder.*)$")
          .ifPresent(file -> seen.put("file", file));
      seen.put("warnings", Engines.loadWarnings());
    }
    if (!device.equals("cpu")) {
      seen.put("path", engine.path());
      engine.pathReason().ifPresent(reason -> seen.put("path_reason", reason));
      engine
          .hardware()
          .ifPresent(
              found -> {
                seen.put("device", found.name());
                seen.put("driver", found.driver());
                seen.put("compute_capability", found.computeCapability());
                seen.put("free_bytes", found.freeBytes());
              });
    }
    return seen;
  }

  /**
   * A product, which is BLAS's work, and elements one by one, which are libtorch's, in turn: where
   * the threads of both spin while the others work, this takes many times as long.
   */
  private static double microsecondsOfAWideLayer() {
    try (PointerScope scope = new PointerScope()) {
      Tensor input = torch.ones(ROWS, WIDTH);
      Tensor weight = torch.ones(WIDTH, WIDTH);
      double[] times = new double[MOST_TIMES];
      int count = 0;
      long begin = System.nanoTime();
      while (count < MOST_TIMES && (count < 3 || System.nanoTime() - begin < MEASURED_NANOS)) {
        long start = System.nanoTime();
        try (PointerScope step = new PointerScope()) {
          Tensor output = input.mm(weight);
          output.t().mm(input);
          weight.mul(weight);
        }
        times[count++] = (System.nanoTime() - start) / 1e3;
      }
      Arrays.sort(times, 0, count);
      return times[count / 10]; // not the median: other processes make some of them long
    }
  }

  /** {@return the name by which a JVM of its own is told of it} */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}

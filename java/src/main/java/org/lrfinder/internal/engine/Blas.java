package org.lrfinder.internal.engine;

import java.util.Optional;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The library that multiplies matrices for libtorch on the CPU. */
enum Blas {
  OPENBLAS("OpenBLAS", "openblas_get_config"),
  MKL("MKL", "MKL_Get_Max_Threads"),
  UNKNOWN("unknown", "");

  private static final Logger LOG = LoggerFactory.getLogger(Blas.class);

  private final String words;
  private final String symbol;

  Blas(String words, String symbol) {
    this.words = words;
    this.symbol = symbol;
  }

  String words() {
    return words;
  }

  static Blas inUse() {
    return Found.BLAS;
  }

  /** {@return what would be faster than this one, where it multiplies; empty if nothing is} */
  Optional<String> advice() {
    return this == OPENBLAS && Loader.getPlatform().endsWith("x86_64")
        ? Optional.of(
            "libtorch multiplies matrices with OpenBLAS, whose threads and libtorch's hinder each other: sweeps and training of wide"
                + " networks are faster with MKL, see \"BLAS and threads\" in lrfinder's documentation")
        : Optional.empty();
  }

  /** Found once, after libtorch was loaded. */
  private static final class Found {
    static final Blas BLAS = find();

    private static Blas find() {
      // MKL first: the presets for it bring OpenBLAS's name along.
      for (Blas blas : new Blas[] {MKL, OPENBLAS}) {
        Pointer address = Loader.addressof(blas.symbol);
        if (address != null && !address.isNull()) {
          blas.advice().ifPresent(LOG::info);
          return blas;
        }
      }
      return UNKNOWN;
    }
  }
}

package org.lrfinder.engine;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * What a sweep or a training, or the code of a user that it calls, may move outside the model: the
 * thread counts of libtorch and BLAS and the grad mode of this thread. And the rule by which a
 * sweep or a training chooses its thread counts.
 *
 * @param blasThreads as it was set; {@link #DEFAULT} if it never was
 */
record ThreadState(int libtorchThreads, int blasThreads, boolean gradMode) {
  private static final int DEFAULT = -1;

  // A smaller one is as fast on one thread.
  private static final long LARGE_CONVOLUTION = 1 << 14;

  static ThreadState capture() {
    return new ThreadState(
        torch.get_num_threads(), openblas_nolapack.blas_get_num_threads(), GradMode.is_enabled());
  }

  void restore() {
    set(libtorchThreads, blasThreads);
    GradMode.set_enabled(gradMode);
  }

  private static void set(int libtorchThreads, int blasThreads) {
    if (torch.get_num_threads() != libtorchThreads) {
      torch.set_num_threads(libtorchThreads);
    }
    if (openblas_nolapack.blas_get_num_threads() != blasThreads) {
      try (PointerScope scope = new PointerScope()) { // the presets leave a pointer
        // OpenBLAS takes this for its default, MKL for nothing.
        boolean byName = blasThreads == DEFAULT && Blas.inUse() != Blas.OPENBLAS;
        openblas_nolapack.blas_set_num_threads(
            byName ? torch.intraop_default_num_threads() : blasThreads);
      }
    }
  }

  /**
   * Chooses the thread counts of a sweep or a training on the CPU. A number that was asked for goes
   * to libtorch and BLAS alike. Otherwise, with OpenBLAS and as long as nobody set a count: its
   * threads and libtorch's must not run at once, since each spins while the other works. A large
   * convolution is libtorch's work; matrices are BLAS's, which knows by itself to do small ones on
   * one thread. Changing BLAS's count costs up to a millisecond, so that it is left alone where it
   * can be.
   *
   * @param requested 0 to choose
   */
  void choose(int requested, Optimizer optimizer) {
    if (requested > 0) {
      set(requested, requested);
    } else if (Blas.inUse() == Blas.OPENBLAS && nobodySetACount()) {
      boolean largeConvolution = false;
      try (PointerScope scope = new PointerScope()) {
        for (Tensor parameter : PortableModel.parameters(optimizer)) {
          if (!parameter.is_cpu()) {
            return;
          }
          largeConvolution |= parameter.dim() > 2 && parameter.numel() >= LARGE_CONVOLUTION;
        }
      }
      set(largeConvolution ? libtorchThreads : 1, largeConvolution ? 1 : blasThreads);
    }
  }

  private boolean nobodySetACount() {
    return blasThreads == DEFAULT
        && libtorchThreads == torch.intraop_default_num_threads()
        && System.getenv("OMP_NUM_THREADS") == null
        && System.getenv("OPENBLAS_NUM_THREADS") == null;
  }
}

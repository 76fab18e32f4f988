package org.lrfinder.engine;

import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.global.torch;

/**
 * What a sweep, or the code of a user that it calls, may move outside the model: the thread counts
 * of libtorch and BLAS and the grad mode of this thread.
 */
record ThreadState(int libtorchThreads, int blasThreads, boolean gradMode) {
  static ThreadState capture() {
    return new ThreadState(
        torch.get_num_threads(), openblas_nolapack.blas_get_num_threads(), GradMode.is_enabled());
  }

  void restore() {
    if (torch.get_num_threads() != libtorchThreads) {
      torch.set_num_threads(libtorchThreads);
    }
    if (openblas_nolapack.blas_get_num_threads() != blasThreads) {
      openblas_nolapack.blas_set_num_threads(blasThreads);
    }
    GradMode.set_enabled(gradMode);
  }
}

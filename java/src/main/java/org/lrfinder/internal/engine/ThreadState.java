package org.lrfinder.internal.engine;

import java.util.List;
import java.util.function.Function;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.PointerConsumer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * What a sweep or a training, or the code of a user that it calls, may move outside the model: the
 * thread counts of libtorch and BLAS, and of this thread the grad mode and whether TorchScript is
 * optimized. And the rule by which a sweep or a training chooses its thread counts. Confined to the
 * thread of the sweep or training.
 *
 * <p>libtorch's count is one for each thread, beside one that new threads start with: only that of
 * this thread is set. BLAS's count belongs to the whole process: of those that overlap in time the
 * first one remembers it, and the last one puts it back.
 */
final class ThreadState {
  private static final int BLAS_DEFAULT = -1;

  // A smaller one is as fast on one thread.
  private static final long LARGE_CONVOLUTION = 1 << 14;

  // Multiplications of the largest product that takes less time than to wake a thread saves.
  private static final long SMALL_PRODUCT = 1 << 19;

  private static int running;
  private static int blasThreadsBefore; // the first of those running

  private final int libtorchThreads = torch.get_num_threads();
  private final int blasThreads;
  private final boolean gradMode = GradMode.is_enabled();
  private final boolean scriptOptimization = torch.getGraphExecutorOptimize();
  private int chosenLibtorchThreads = libtorchThreads;
  private long undecided; // elements of the largest matrix, until a batch is seen; 0: decided

  private ThreadState(int blasThreads) {
    this.blasThreads = blasThreads;
  }

  /**
   * Remembers what there is, and starts a session, which has to call {@link #restore} once.
   *
   * @param start if it fails, all is put back
   */
  static <S> S during(Function<ThreadState, S> start) {
    ThreadState state = capture();
    try {
      return start.apply(state);
    } catch (RuntimeException | Error e) {
      state.restore();
      throw e;
    }
  }

  /** Remembers what there is. Whoever calls this calls {@link #restore} once. */
  static ThreadState capture() {
    OwnThread.available(); // what it needs is allocated before anything is changed
    synchronized (ThreadState.class) {
      if (running == 0) {
        blasThreadsBefore = openblas_nolapack.blas_get_num_threads();
      }
      ThreadState state = new ThreadState(blasThreadsBefore);
      running++;
      return state;
    }
  }

  void restore() {
    GradMode.set_enabled(gradMode);
    torch.setGraphExecutorOptimize(scriptOptimization);
    int found = torch.get_num_threads();
    if (found == chosenLibtorchThreads) {
      setLibtorchThreads(libtorchThreads);
    } else if (found != libtorchThreads) {
      torch.set_num_threads(libtorchThreads); // the user's code moved what new threads start with
    }
    synchronized (ThreadState.class) {
      running--;
      if (running == 0) {
        setBlasThreads(blasThreadsBefore);
      }
    }
  }

  private static void setLibtorchThreads(int threads) {
    if (torch.get_num_threads() != threads) {
      OwnThread.set(threads);
    }
  }

  private static synchronized void setBlasThreads(int threads) {
    if (openblas_nolapack.blas_get_num_threads() != threads) {
      try (PointerScope scope = new PointerScope()) { // the presets leave a pointer
        // OpenBLAS takes this for its default, MKL for nothing.
        boolean byName = threads == BLAS_DEFAULT && Blas.inUse() != Blas.OPENBLAS;
        openblas_nolapack.blas_set_num_threads(
            byName ? torch.intraop_default_num_threads() : threads);
      }
    }
  }

  private void choose(int libtorch, int blas) {
    setLibtorchThreads(libtorch);
    chosenLibtorchThreads = libtorch;
    // MKL has libtorch's count until it is given one of its own, and never again afterwards.
    if (Blas.inUse() != Blas.MKL || blasThreads != BLAS_DEFAULT) {
      setBlasThreads(blas);
    }
  }

  /**
   * Chooses the thread counts of a sweep or a training on the CPU. A number that was asked for goes
   * to libtorch and BLAS alike. Otherwise nothing is chosen unless nobody set a count.
   *
   * <p>With OpenBLAS its threads and libtorch's must not run at once, since each spins while the
   * other works. A large convolution is libtorch's work; matrices are BLAS's, which knows by itself
   * to do small ones on one thread. Changing BLAS's count costs up to a millisecond, so that it is
   * left alone where it can be.
   *
   * <p>MKL has libtorch's threads and the same count, unless somebody gave it one, and does small
   * products on all of them: {@link #sees} chooses.
   *
   * @param requested 0 to choose
   */
  void choose(int requested, List<Optimizer> optimizers) {
    if (requested > 0) {
      choose(requested, requested);
    } else if (nobodySetACount()) {
      boolean convolution = false;
      boolean largeConvolution = false;
      long matrix = 0;
      try (PointerScope scope = new PointerScope()) {
        for (Tensor parameter : ModelTensors.parameters(optimizers)) {
          if (!parameter.is_cpu()) {
            return;
          }
          convolution |= parameter.dim() > 2;
          largeConvolution |= parameter.dim() > 2 && parameter.numel() >= LARGE_CONVOLUTION;
          matrix = Math.max(matrix, parameter.numel());
        }
      }
      if (Blas.inUse() == Blas.OPENBLAS) {
        choose(largeConvolution ? libtorchThreads : 1, largeConvolution ? 1 : blasThreads);
      } else if (Blas.inUse() == Blas.MKL && !convolution) {
        undecided = matrix;
      }
    }
  }

  /**
   * The first batch tells how large products are: one thread does small ones.
   *
   * @param input shape {@code [n, ..., features]}, or whole numbers of any shape
   */
  void sees(Tensor input) {
    if (undecided > 0) {
      long vectors = input.numel();
      if (input.is_floating_point() && input.dim() > 1) {
        vectors /= Math.max(input.size(-1), 1);
      }
      if (vectors * undecided <= SMALL_PRODUCT) {
        setLibtorchThreads(1);
        chosenLibtorchThreads = 1;
      }
      undecided = 0;
    }
  }

  private boolean nobodySetACount() {
    return blasThreads == BLAS_DEFAULT
        && libtorchThreads == torch.intraop_default_num_threads()
        && System.getenv("OMP_NUM_THREADS") == null
        && System.getenv("OPENBLAS_NUM_THREADS") == null
        && System.getenv("MKL_NUM_THREADS") == null;
  }

  /**
   * libtorch's threads are OpenMP's. Its {@code set_num_threads} also sets what new threads start
   * with, and a thread that were born while a sweep runs would keep the sweep's count for ever.
   *
   * <p>MKL brings a second OpenMP along, Intel's, whose function is found first by the plain name.
   * That for Fortran's long integers only libtorch's has, which is GCC's.
   */
  private static final class OwnThread {
    // Outlives the scope of whoever comes first, for ever.
    private static final LongPointer COUNT = new LongPointer(1).retainReference();
    private static final @Nullable PointerConsumer SET = find();

    static boolean available() {
      return SET != null;
    }

    static synchronized void set(int threads) {
      if (SET != null) {
        SET.call(COUNT.put(threads));
      }
      if (torch.get_num_threads() != threads) {
        torch.set_num_threads(threads);
      }
    }

    private static @Nullable PointerConsumer find() {
      try (PointerScope scope = new PointerScope()) {
        Pointer address = Loader.addressof("omp_set_num_threads_8_");
        if (address == null || address.isNull()) {
          return null;
        }
        PointerPointer<Pointer> function = new PointerPointer<>(1);
        function.put(address);
        function.retainReference(); // for ever, and outlives the scope
        return new PointerConsumer(function);
      }
    }
  }
}

package org.lrfinder.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.Conv2dOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.lrfinder.LrFinder;
import org.lrfinder.SweepTask;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.OwnJvm;

/** The thread counts of a sweep on OpenBLAS, and that they are put back. */
class ThreadStateTest {
  private static final int DEFAULT_BLAS = -1;
  private final int all = torch.intraop_default_num_threads();

  @BeforeEach
  void aMachineWithSeveralCoresAndNoCountSet() {
    assumeThat(all).isGreaterThan(1);
    assumeThat(System.getenv("OMP_NUM_THREADS")).isNull();
    assertThat(Blas.inUse()).isEqualTo(Blas.OPENBLAS);
    torch.set_num_threads(all);
    openblas_nolapack.blas_set_num_threads(DEFAULT_BLAS);
  }

  @AfterEach
  void defaults() {
    torch.set_num_threads(all);
    openblas_nolapack.blas_set_num_threads(DEFAULT_BLAS);
  }

  private static List<Integer> countsDuring(LrFinder.Builder finder, Module network) {
    Optimizer optimizer = new SGD(network.parameters(), new SGDOptions(0.1));
    AtomicInteger libtorch = new AtomicInteger();
    AtomicInteger blas = new AtomicInteger();
    finder
        .steps(3)
        .build()
        .find(
            SweepTask.of(
                network,
                optimizer,
                batch -> {
                  libtorch.set(torch.get_num_threads());
                  blas.set(openblas_nolapack.blas_get_num_threads());
                  return network.parameters().get(0).sum();
                },
                List.of(new Batch(torch.ones(1), torch.ones(1)))));
    return List.of(libtorch.get(), blas.get());
  }

  @Test
  void aLargeConvolutionDecides() {
    assertThat(countsDuring(LrFinder.builder(), new LinearImpl(2048, 2048)))
        .containsExactly(1, DEFAULT_BLAS);
    Module convolution = new Conv2dImpl(new Conv2dOptions(64, 64, new LongPointer(3, 3)));
    assertThat(countsDuring(LrFinder.builder(), convolution)).containsExactly(all, 1);
    assertThat(List.of(torch.get_num_threads(), openblas_nolapack.blas_get_num_threads()))
        .containsExactly(all, DEFAULT_BLAS);
  }

  /** On MKL, which a JVM has from its start. */
  public static final class OnMkl {
    private OnMkl() {}

    /**
     * Prints libtorch's threads during a sweep: for networks of 64 and 512 wide, batches of 32, and
     * for the wide one where one thread is asked for.
     */
    public static void main(String[] arguments) {
      int all = torch.get_num_threads(); // loads libtorch
      assertThat(Blas.inUse()).isEqualTo(Blas.MKL);
      sweep(LrFinder.builder(), 64);
      sweep(LrFinder.builder(), 512);
      sweep(LrFinder.builder().threads(1), 512);
      sweep(LrFinder.builder(), 64);
      openblas_nolapack.blas_set_num_threads(all + 1);
      sweep(LrFinder.builder().threads(1), 512);
    }

    private static void sweep(LrFinder.Builder finder, long width) {
      int all = torch.get_num_threads();
      int ofMkl = openblas_nolapack.blas_get_num_threads();
      SequentialImpl network = new SequentialImpl();
      network.push_back(new LinearImpl(64, width));
      network.push_back(new LinearImpl(width, width));
      AtomicInteger threads = new AtomicInteger();
      AtomicInteger ofMklMeanwhile = new AtomicInteger();
      finder
          .engine(EngineChoice.NATIVE)
          .steps(3)
          .listener(
              step -> {
                threads.set(torch.get_num_threads());
                ofMklMeanwhile.set(openblas_nolapack.blas_get_num_threads());
                assertThat(libtorchThreadsOfANewThread()).isEqualTo(all);
              })
          .build()
          .find(
              network,
              new SGD(network.parameters(), new SGDOptions(0.1)),
              Loss.MSE,
              List.of(new Batch(torch.ones(32, 64), torch.ones(32, width))));
      System.out.println(
          "%d: %d of %d, then %d, MKL %d"
              .formatted(
                  width, threads.get(), all, libtorchThreadsOfANewThread(), ofMklMeanwhile.get()));
      assertThat(torch.get_num_threads()).isEqualTo(all);
      assertThat(openblas_nolapack.blas_get_num_threads()).isEqualTo(ofMkl);
    }
  }

  @Test
  void onMklOneThreadDoesSmallProducts() throws Exception {
    String printed = OwnJvm.run(List.of("-Dorg.bytedeco.openblas.load=mkl"), OnMkl.class);
    assertThat(printed.lines())
        .containsSubsequence(
            "64: 1 of %d, then %d, MKL -1".formatted(all, all),
            "512: %d of %d, then %d, MKL -1".formatted(all, all, all),
            "512: 1 of %d, then %d, MKL -1".formatted(all, all),
            "64: 1 of %d, then %d, MKL -1".formatted(all, all),
            "512: 1 of %d, then %d, MKL 1".formatted(all, all));
  }

  @Test
  void whatSomebodySetStays() {
    openblas_nolapack.blas_set_num_threads(2);
    assertThat(countsDuring(LrFinder.builder(), new LinearImpl(64, 64))).containsExactly(all, 2);
    openblas_nolapack.blas_set_num_threads(DEFAULT_BLAS);
    torch.set_num_threads(all + 1);
    assertThat(countsDuring(LrFinder.builder(), new LinearImpl(64, 64)))
        .containsExactly(all + 1, DEFAULT_BLAS);
  }

  @Test
  void aNumberThatIsAskedForIsUsedAndPutBack() {
    assertThat(countsDuring(LrFinder.builder().threads(2), new LinearImpl(2048, 2048)))
        .containsExactly(2, 2);
    assertThat(List.of(torch.get_num_threads(), openblas_nolapack.blas_get_num_threads()))
        .containsExactly(all, DEFAULT_BLAS);
  }

  @Test
  void aThreadThatIsBornDuringASweepHasTheDefault() {
    AtomicInteger bornMeanwhile = new AtomicInteger();
    LinearImpl network = new LinearImpl(8, 8);
    LrFinder.builder()
        .threads(1)
        .steps(3)
        .listener(step -> bornMeanwhile.set(libtorchThreadsOfANewThread()))
        .build()
        .find(
            new SGD(network.parameters(), new SGDOptions(0.1)),
            batch -> network.parameters().get(0).sum(),
            List.of(new Batch(torch.ones(1), torch.ones(1))));
    assertThat(bornMeanwhile.get()).isEqualTo(all);
    assertThat(libtorchThreadsOfANewThread()).isEqualTo(all);
  }

  private static int libtorchThreadsOfANewThread() {
    return CompletableFuture.supplyAsync(
            torch::get_num_threads, command -> new Thread(command).start())
        .join();
  }

  @Test
  void theLastOfOverlappingSweepsPutsTheCountsOfBlasBack() {
    ThreadState first = ThreadState.capture();
    LinearImpl network = new LinearImpl(8, 8);
    Optimizer optimizer = new SGD(network.parameters(), new SGDOptions(0.1));
    first.choose(1, List.of(optimizer));
    ThreadState second = ThreadState.capture();
    second.choose(2, List.of(optimizer));
    first.restore();
    assertThat(openblas_nolapack.blas_get_num_threads()).isEqualTo(2);
    second.restore();
    assertThat(openblas_nolapack.blas_get_num_threads()).isEqualTo(DEFAULT_BLAS);
  }
}

package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.ArchiveWriter;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.EngineException;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossFunction;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;
import org.lrfinder.testkit.OwnJvm;

/**
 * A sweep begins with a copy of the optimizer's state, which must not take the JVM down, whatever
 * the state and however little heap there is. In JVMs of their own.
 */
class OptimizerCopyTest {
  private static final int THREADS = 16; // JavaCPP has ten slots for callbacks of a type

  @OnEachEngine
  void moreSweepsStartAtOnceThanJavaCppHasCallbacks(EngineChoice engine) throws Exception {
    assertThat(run(engine, "atOnce", "-Xmx64m")).contains("160 sweeps");
  }

  @OnEachEngine
  void theStateMayBeLargerThanTheHeap(EngineChoice engine) throws Exception {
    assertThat(run(engine, "largerThanTheHeap", "-Xmx32m")).contains("COMPLETED, unchanged");
  }

  @OnEachEngine
  void aFullHeapIsAnErrorLikeAnyOther(EngineChoice engine) throws Exception {
    assertThat(run(engine, "fullHeap", "-Xmx32m", "-XX:+UseSerialGC"))
        .containsPattern("[1-9]\\d* times exhausted, failures 0, unchanged, then COMPLETED");
  }

  @OnEachEngine
  void aParameterWithoutElementsIsCopied(EngineChoice engine) throws Exception {
    assertThat(run(engine, "noElements")).contains("COMPLETED");
  }

  @OnEachEngine
  void whereTheCallersOwnCallbacksTakeAllSlotsThePortableEngineSaysSo(EngineChoice engine)
      throws Exception {
    assertThat(run(engine, "noSlots"))
        .contains(
            engine == EngineChoice.NATIVE
                ? "COMPLETED, then COMPLETED"
                : "all ten slots that JavaCPP has for an ArchiveWriter are taken: close those that are no longer needed, unchanged, then COMPLETED");
  }

  private static String run(EngineChoice engine, String what, String... options) throws Exception {
    List<String> all = new ArrayList<>(List.of(options));
    all.add("-Dorg.bytedeco.javacpp.maxPhysicalBytes=0");
    all.add("-Dorg.bytedeco.javacpp.maxBytes=0");
    return OwnJvm.run(all, OptimizerCopyTest.class, engine.name(), what);
  }

  /** Does one of the sweeps and prints what came of it. */
  public static void main(String[] arguments) throws Exception {
    torch.set_num_threads(1);
    LrFinder finder =
        LrFinder.builder()
            .engine(EngineChoice.valueOf(arguments[0]))
            .steps(5)
            .noEarlyStop()
            .build();
    System.out.println(
        switch (arguments[1]) {
          case "atOnce" -> atOnce(finder);
          case "largerThanTheHeap" -> largerThanTheHeap(finder);
          case "fullHeap" -> fullHeap(finder);
          case "noElements" -> noElements(finder);
          case "noSlots" -> noSlots(finder);
          default -> throw new IllegalArgumentException(arguments[1]);
        });
  }

  private record Subject(SequentialImpl network, Optimizer optimizer, List<Batch> batches) {
    static Subject used(int width) {
      SequentialImpl network = Models.keep(new SequentialImpl());
      network.push_back(Models.keep(new LinearImpl(width, width)));
      Optimizer optimizer = OptimizerSpec.ADAM.over(network);
      Batch batch = new Batch(torch.randn(4, width), torch.randn(4, width));
      torch.mse_loss(network.forward(batch.input()), batch.target()).backward();
      optimizer.step();
      optimizer.zero_grad();
      return new Subject(network, optimizer, List.of(batch));
    }

    String sweep(LrFinder finder) {
      return finder.find(network, optimizer, Loss.MSE, batches).endReason().name();
    }

    /** Of the sums: a whole state would not be held by a small heap. */
    List<Double> state() {
      List<Double> sums = new ArrayList<>();
      for (long i = 0; i < network.parameters().size(); i++) {
        Tensor parameter = network.parameters().get(i);
        sums.add(parameter.to(ScalarType.Double).sum().item_double());
        sums.add(parameter.grad().defined() ? 1.0 : 0.0);
      }
      return sums;
    }
  }

  private static String atOnce(LrFinder finder) throws Exception {
    CyclicBarrier together = new CyclicBarrier(THREADS);
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    List<Future<Integer>> sweeping = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      Subject subject = Subject.used(200);
      sweeping.add(
          threads.submit(
              () -> {
                int sweeps = 0;
                while (sweeps < 10) {
                  together.await();
                  subject.sweep(finder);
                  sweeps++;
                }
                return sweeps;
              }));
    }
    int sweeps = 0;
    for (Future<Integer> done : sweeping) {
      sweeps += done.get();
    }
    threads.shutdown();
    return sweeps + " sweeps";
  }

  private static String largerThanTheHeap(LrFinder finder) {
    Subject subject = Subject.used(2500); // 48 MiB of state
    List<Double> before = subject.state();
    return subject.sweep(finder) + (subject.state().equals(before) ? ", unchanged" : ", changed");
  }

  /** From a heap so full that nothing works to one that is large enough. */
  private static String fullHeap(LrFinder finder) {
    Subject subject = Subject.used(500);
    subject.sweep(finder); // classes are loaded
    List<Double> before = subject.state();
    List<byte[]> filling = new ArrayList<>(1 << 16);
    try {
      while (true) {
        filling.add(new byte[1 << 14]);
      }
    } catch (OutOfMemoryError full) {
      // as it should be
    }
    int exhausted = 0;
    Throwable other = null;
    String end = null;
    while (end == null && other == null && !filling.isEmpty()) {
      try {
        end = subject.sweep(finder);
      } catch (OutOfMemoryError e) {
        exhausted++;
        filling.remove(filling.size() - 1);
      } catch (Throwable e) {
        other = e;
      }
    }
    filling.clear();
    return "%d times exhausted, failures %s, %s, then %s"
        .formatted(
            exhausted,
            other == null ? "0" : other,
            subject.state().equals(before) ? "unchanged" : "changed",
            end);
  }

  private static String noElements(LrFinder finder) {
    Module module = Models.keep(new Module("parts"));
    Tensor weight = Models.keep(torch.randn(3));
    Tensor empty = Models.keep(torch.zeros(0, 3));
    module.register_parameter("weight", weight);
    module.register_parameter("empty", empty);
    Optimizer adam = OptimizerSpec.ADAM.over(module);
    LossFunction<Integer> loss = batch -> weight.pow(new Scalar(2.0)).sum().add(empty.sum());
    loss.loss(1).backward();
    adam.step();
    return finder.find(SweepTask.of(module, adam, loss, List.of(1, 2))).endReason().name();
  }

  private static String noSlots(LrFinder finder) {
    Subject subject = Subject.used(10);
    List<Double> before = subject.state();
    List<ArchiveWriter> taken = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      taken.add(
          new ArchiveWriter() {
            @Override
            public long call(Pointer bytes, long count) {
              return count;
            }
          });
    }
    String end;
    try {
      end = subject.sweep(finder);
    } catch (EngineException e) {
      end = e.getMessage() + (subject.state().equals(before) ? ", unchanged" : ", changed");
    }
    taken.forEach(ArchiveWriter::close);
    return end + ", then " + subject.sweep(finder);
  }
}

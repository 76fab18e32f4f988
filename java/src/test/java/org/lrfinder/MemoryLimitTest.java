package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.OutOfMemoryException;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OptimizerSpec;
import org.lrfinder.testkit.OwnJvm;

/**
 * JavaCPP limits the memory of the process: a sweep that would go over it is refused before its
 * first step, and one that would not is not. In JVMs of their own, since the limit is read once.
 */
class MemoryLimitTest {
  private static final int WIDTH = 3072;
  private static final long MEBIBYTE = 1 << 20;
  private static final long PARAMETERS = (WIDTH * WIDTH + WIDTH) * 4L / MEBIBYTE; // 36

  static Stream<Arguments> sweeps() {
    return EnginesUnderTest.stream()
        .flatMap(
            engine ->
                Stream.of(
                    Arguments.of(engine, OptimizerSpec.SGD, 2 + own(engine, 1)),
                    Arguments.of(engine, OptimizerSpec.ADAM_AMSGRAD, 5 + own(engine, 3))));
  }

  /** What only the optimizer's own step takes. */
  private static int own(EngineChoice engine, int products) {
    return engine == EngineChoice.PORTABLE ? products : 0;
  }

  @ParameterizedTest(name = "{0} {1}: {2} times the parameters")
  @MethodSource("sweeps")
  void theLimitIsMetBeforeTheFirstStepOrNotAtAll(EngineChoice engine, OptimizerSpec kind, int times)
      throws Exception {
    Probed unlimited = probe(engine, kind, 0);
    assertThat(unlimited.end).isEqualTo("COMPLETED");
    long grown = unlimited.peak - unlimited.before;
    // One product of the largest parameter's size more or less: libtorch makes what it likes.
    assertThat(grown).isBetween(times * PARAMETERS - 40, times * PARAMETERS + 40);

    Probed enough = probe(engine, kind, unlimited.peak + 40);
    assertThat(enough.end).isEqualTo("COMPLETED");

    Probed tooLittle = probe(engine, kind, unlimited.before + times * PARAMETERS - 30);
    assertThat(tooLittle.end)
        .matches(
            "a sweep of this model needs %d\\.\\d MiB more memory \\(snapshot 36\\.0 MiB, gradients 36\\.0 MiB, optimizer state \\d+\\.\\d MiB, update \\d+\\.\\d MiB\\), and [\\d.]+ MiB are in use; JavaCPP's limit is %d\\.0 MiB: raise it by the system property org\\.bytedeco\\.javacpp\\.maxPhysicalBytes, such as -Dorg\\.bytedeco\\.javacpp\\.maxPhysicalBytes=\\d+m \\(0: no limit; default: 4 times -Xmx\\)"
                .formatted(times * PARAMETERS, unlimited.before + times * PARAMETERS - 30));
    assertThat(tooLittle.steps).isZero();
  }

  /**
   * What a sweep came to.
   *
   * @param before resident memory before it, in MiB
   * @param peak most resident memory, in MiB
   */
  private record Probed(long before, long peak, int steps, String end) {}

  private static Probed probe(EngineChoice engine, OptimizerSpec kind, long limit)
      throws Exception {
    String printed =
        OwnJvm.run(
            List.of(
                "-Xmx64m",
                "-Xms64m",
                "-XX:+AlwaysPreTouch",
                "-Dorg.bytedeco.javacpp.maxPhysicalBytes=" + limit + "m"),
            MemoryLimitTest.class,
            engine.name(),
            kind.name());
    Matcher matcher =
        Pattern.compile("before (\\d+) peak (\\d+) steps (\\d+) end (.*)").matcher(printed);
    assertThat(matcher.find()).as(printed).isTrue();
    return new Probed(
        Long.parseLong(matcher.group(1)),
        Long.parseLong(matcher.group(2)),
        Integer.parseInt(matcher.group(3)),
        matcher.group(4));
  }

  /** Sweeps a large layer and prints what came of it. */
  public static void main(String[] arguments) throws IOException {
    Locale.setDefault(Locale.ROOT);
    torch.set_num_threads(1);
    SequentialImpl network = Models.keep(new SequentialImpl());
    network.push_back(Models.keep(new LinearImpl(WIDTH, WIDTH)));
    Optimizer optimizer = OptimizerSpec.valueOf(arguments[1]).over(network);
    TensorBatches batches = TensorBatches.of(torch.randn(8, WIDTH), torch.randn(8, WIDTH), 4);
    long before = Pointer.physicalBytes() / MEBIBYTE;
    int[] steps = new int[1];
    String end;
    try {
      end =
          LrFinder.builder()
              .engine(EngineChoice.valueOf(arguments[0]))
              .steps(3)
              .noEarlyStop()
              .listener(step -> steps[0]++)
              .build()
              .find(network, optimizer, Loss.MSE, batches)
              .endReason()
              .name();
    } catch (OutOfMemoryException e) {
      end = e.getMessage();
    }
    System.out.printf("before %d peak %d steps %d end %s%n", before, peak(), steps[0], end);
  }

  /** The most that was resident at once, less what JavaCPP does not count: pages of files. */
  private static long peak() throws IOException {
    String status = Files.readString(Path.of("/proc/self/status"));
    return (kibibytes(status, "VmHWM") - kibibytes(status, "RssFile")) * 1024 / MEBIBYTE;
  }

  private static long kibibytes(String status, String name) {
    Matcher matcher = Pattern.compile(name + ":\\s+(\\d+) kB").matcher(status);
    assertThat(matcher.find()).as(status).isTrue();
    return Long.parseLong(matcher.group(1));
  }
}

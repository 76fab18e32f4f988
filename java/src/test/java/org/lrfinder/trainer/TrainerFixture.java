package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.bytedeco.pytorch.LRScheduler;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.StepLR;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OptimizerSpec;

/** A folder, what is printed, and trainers that use both. */
abstract class TrainerFixture {
  @TempDir Path folder;
  final ByteArrayOutputStream printed = new ByteArrayOutputStream();

  /** Of two epochs. */
  Trainer.Builder trainer(EngineChoice engine) {
    return Trainer.builder()
        .engine(engine)
        .maxEpochs(2)
        .defaultRootDir(folder)
        .console(new PrintStream(printed, true, StandardCharsets.UTF_8));
  }

  /** Of one epoch. */
  Trainer.Builder trainer() {
    return trainer(EngineChoice.AUTO).maxEpochs(1);
  }

  List<String> lines() {
    return printed.toString(StandardCharsets.UTF_8).lines().toList();
  }

  /** Equal initial weights for a trainer and a plain loop. */
  static SequentialImpl network(long seed, boolean batchNorm) {
    torch.manual_seed(seed);
    return Models.inDouble(batchNorm ? Models.batchNormAndDropout() : Models.mlp());
  }

  /** A model with an optimizer of the test kit. */
  static final class OfSpec extends ModelUnderTest {
    final OptimizerSpec kind;
    private @Nullable Optimizer made;

    OfSpec(SequentialImpl network, OptimizerSpec kind) {
      super(network);
      this.kind = kind;
    }

    Optimizer made() {
      return Objects.requireNonNull(made);
    }

    @Override
    public Optimizer configureOptimizers() {
      made = kind.over(network);
      return made;
    }
  }

  /** Its rate falls by a half after each epoch. */
  static final class Scheduled extends ModelUnderTest {
    final List<LRScheduler> kept = new ArrayList<>();

    Scheduled(SequentialImpl network) {
      super(network);
      lr = 0.01;
    }

    @Override
    public LRScheduler configureScheduler(Optimizer optimizer) {
      kept.add(new StepLR(optimizer, 1, 0.5));
      return kept.get(kept.size() - 1);
    }
  }

  /** Bit for bit. */
  static void assertSame(SequentialImpl actual, SequentialImpl expected) {
    for (long i = 0; i < expected.parameters().size(); i++) {
      assertThat(actual.parameters().get(i).equal(expected.parameters().get(i)))
          .as("parameter " + i)
          .isTrue();
    }
    for (long i = 0; i < expected.buffers().size(); i++) {
      assertThat(actual.buffers().get(i).equal(expected.buffers().get(i)))
          .as("buffer " + i)
          .isTrue();
    }
  }

  static void assertClose(SequentialImpl actual, SequentialImpl expected, double most) {
    for (long i = 0; i < expected.parameters().size(); i++) {
      Tensor difference = actual.parameters().get(i).sub(expected.parameters().get(i)).abs();
      assertThat(difference.max().item_double()).as("parameter " + i).isLessThanOrEqualTo(most);
    }
  }
}

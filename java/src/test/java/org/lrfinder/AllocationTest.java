package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.sun.management.ThreadMXBean;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.Models;
import org.lrfinder.trainer.MetricsLogger;
import org.lrfinder.trainer.Model;
import org.lrfinder.trainer.Trainer;

/** The native engine's steps over batches that are there make no garbage on the Java heap. */
class AllocationTest {
  private static final int WARM_UP = 200;
  private static final int STEPS = 800;
  private static final long MOST_BYTES = 8; // a step: less than an object

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private final SequentialImpl network = Models.mlp();
  private final Batch batch = batch();
  private long asked;
  private long before;
  private long after;

  @BeforeEach
  void assumeTheNativeEngineWasBuilt() {
    assumeThat(EnginesUnderTest.all()).contains(EngineChoice.NATIVE);
  }

  private static Batch batch() {
    torch.manual_seed(1);
    Tensor input = torch.randn(16, Models.FEATURES);
    return new Batch(input, torch.zeros(16).to(torch.ScalarType.Long));
  }

  /** Called once a step. */
  private void count() {
    asked++;
    if (asked == WARM_UP) {
      before = THREADS.getCurrentThreadAllocatedBytes();
    } else if (asked == WARM_UP + STEPS) {
      after = THREADS.getCurrentThreadAllocatedBytes();
    }
  }

  private void assertLittleWasMade() {
    assertThat(asked).isGreaterThanOrEqualTo(WARM_UP + STEPS);
    assertThat((after - before) / (double) STEPS)
        .as("bytes a step")
        .isBetween(0.0, (double) MOST_BYTES);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aStepOfASweep(int microBatches) {
    LrFinderResult found =
        LrFinder.builder()
            .engine(EngineChoice.NATIVE)
            .minLr(1e-7)
            .maxLr(1e-6)
            .steps(WARM_UP + STEPS)
            .accumulateGradBatches(microBatches)
            .cancelIf(
                () -> {
                  count();
                  return false;
                })
            .build()
            .find(
                network,
                new Adam(network.parameters(), new AdamOptions(1e-3)),
                Loss.CROSS_ENTROPY,
                Collections.nCopies(microBatches * (WARM_UP + STEPS), batch));
    assertThat(found.endReason()).isEqualTo(EndReason.COMPLETED);
    assertLittleWasMade();
  }

  @Test
  void aStepOfATraining() {
    Trainer.builder()
        .engine(EngineChoice.NATIVE)
        .maxEpochs(1)
        .logger(MetricsLogger.NONE)
        .console(new PrintStream(OutputStream.nullOutputStream()))
        .progressBar(false)
        .build()
        .fit(new Counted());
    assertLittleWasMade();
  }

  private final class Counted implements Model {
    @Override
    public SequentialImpl module() {
      return network;
    }

    @Override
    public Optional<Loss> loss() {
      return Optional.of(Loss.CROSS_ENTROPY);
    }

    @Override
    public Optimizer configureOptimizers() {
      return new Adam(network.parameters(), new AdamOptions(1e-3));
    }

    @Override
    public Iterable<Batch> trainBatches() {
      List<Batch> batches = Collections.nCopies(WARM_UP + STEPS + 1, batch);
      return () -> {
        Iterator<Batch> walk = batches.iterator();
        return new Iterator<>() {
          @Override
          public boolean hasNext() {
            return walk.hasNext();
          }

          @Override
          public Batch next() {
            count();
            return walk.next();
          }
        };
      };
    }
  }
}

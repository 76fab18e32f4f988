package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.SequentialImpl;
import org.junit.jupiter.api.Timeout;
import org.lrfinder.LrFinder;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.OnEachEngine;

/** Trainers and finders on threads of their own, with models of their own. */
@Timeout(120)
class TrainingBesideSweepsTest extends TrainerFixture {
  private static final int TRAININGS = 2;
  private static final int EPOCHS = 100;

  private static final class Fitted {
    final ModelUnderTest model = new ModelUnderTest();
    final SequentialImpl network = model.network;
  }

  private double fit(EngineChoice engine, Fitted fitted) {
    return trainer(engine).maxEpochs(EPOCHS).threads(1).build().fit(fitted.model).trainLoss();
  }

  private static Curve sweep(EngineChoice engine, Fitted swept) {
    Adam adam = new Adam(swept.network.parameters(), new AdamOptions(1e-3));
    return LrFinder.builder()
        .engine(engine)
        .steps(40)
        .threads(1)
        .build()
        .find(swept.network, adam, Loss.CROSS_ENTROPY, swept.model.batches)
        .results();
  }

  @OnEachEngine
  void neitherChangesABitOfTheOther(EngineChoice engine) throws Exception {
    Fitted alone = new Fitted();
    double lossAlone = fit(engine, alone);
    Fitted swept = new Fitted();
    Curve curveAlone = sweep(engine, swept);
    List<Fitted> inTraining = List.of(new Fitted(), new Fitted());
    AtomicInteger running = new AtomicInteger(TRAININGS);
    CountDownLatch start = new CountDownLatch(TRAININGS + 1);
    ExecutorService threads = Executors.newFixedThreadPool(TRAININGS + 1);
    try {
      List<Future<Double>> losses = new ArrayList<>();
      for (Fitted fitted : inTraining) {
        losses.add(
            threads.submit(
                () -> {
                  start.countDown();
                  start.await();
                  try {
                    return fit(engine, fitted);
                  } finally {
                    running.decrementAndGet();
                  }
                }));
      }
      Future<List<Curve>> curves =
          threads.submit(
              () -> {
                start.countDown();
                start.await();
                List<Curve> seen = new ArrayList<>();
                do {
                  seen.add(sweep(engine, swept));
                } while (running.get() > 0);
                return seen;
              });

      for (int i = 0; i < TRAININGS; i++) {
        assertThat(losses.get(i).get()).isEqualTo(lossAlone);
        assertSame(inTraining.get(i).network, alone.network);
      }
      assertThat(curves.get()).hasSizeGreaterThan(3).containsOnly(curveAlone);
    } finally {
      threads.shutdownNow();
    }
  }
}

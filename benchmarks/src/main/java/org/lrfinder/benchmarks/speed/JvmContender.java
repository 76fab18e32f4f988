package org.lrfinder.benchmarks.speed;

import java.util.Arrays;
import java.util.function.Supplier;
import org.lrfinder.LrFinder;

/** A contender in this process. */
abstract class JvmContender implements Contender {
  private final String name;

  JvmContender(String name) {
    this.name = name;
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final Timed sweep(int steps) {
    LrFinder finder = settings(steps).build();
    double[] rates = new double[steps];
    Arrays.setAll(rates, finder.settings()::rate);
    return timed(() -> swept(rates));
  }

  @Override
  public final Timed epoch() {
    return timed(this::trained);
  }

  @Override
  public boolean trains() {
    return true;
  }

  /** The sweep that every contender does. */
  static LrFinder.Builder settings(int steps) {
    return LrFinder.builder().minLr(MIN_LR).maxLr(MAX_LR).steps(steps).noEarlyStop();
  }

  private static Timed timed(Supplier<double[]> work) {
    long start = System.nanoTime();
    double[] losses = work.get();
    return new Timed((System.nanoTime() - start) / 1e3, losses);
  }

  abstract double[] swept(double[] rates);

  abstract double[] trained();
}

package org.lrfinder.internal.loop;

import org.lrfinder.engine.EngineInfo;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.SweepSettings;

/**
 * What JDK Flight Recorder hears of one sweep or one training. Nothing, without a cost, where its
 * events are not enabled, and where the JVM has no module {@code jdk.jfr}. Confined to one thread.
 */
public sealed interface FlightLog permits FlightLog.None, FlightRecorderLog {
  /** {@return the log of a sweep or a training that begins now} */
  static FlightLog begin() {
    return None.HAS_RECORDER ? new FlightRecorderLog() : None.NONE;
  }

  /** A step begins; one that has begun and did not end is forgotten. */
  void beginStep();

  /**
   * The step that has begun ends.
   *
   * @param step which, from 1
   * @param loss its own; NaN while it is not known
   */
  void endStep(long step, double lr, double loss);

  /** The sweep is over. */
  void endSweep(SweepSettings settings, Curve curve, EndReason end, EngineInfo engine);

  /** The training is over. */
  void endTraining(long epochs, long steps, double trainLoss, EngineInfo engine);

  /** Without a recorder. */
  final class None implements FlightLog {
    private static final FlightLog NONE = new None();
    private static final boolean HAS_RECORDER =
        ModuleLayer.boot().findModule("jdk.jfr").isPresent();

    private None() {}

    @Override
    public void beginStep() {}

    @Override
    public void endStep(long step, double lr, double loss) {}

    @Override
    public void endSweep(SweepSettings settings, Curve curve, EndReason end, EngineInfo engine) {}

    @Override
    public void endTraining(long epochs, long steps, double trainLoss, EngineInfo engine) {}
  }
}

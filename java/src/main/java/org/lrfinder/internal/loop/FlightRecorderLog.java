package org.lrfinder.internal.loop;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import org.jspecify.annotations.Nullable;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.SweepSettings;

/** The one class that knows Flight Recorder. Its events are off until a recording enables them. */
final class FlightRecorderLog implements FlightLog {
  @Name("org.lrfinder.Sweep")
  @Label("Learning-Rate Sweep")
  @Category("lrfinder")
  @Enabled(false)
  @StackTrace(false)
  static final class SweepEvent extends Event {
    @Label("Engine")
    String engine = "";

    @Label("Device")
    String device = "";

    @Label("First Rate")
    double minLr;

    @Label("Last Rate")
    double maxLr;

    @Label("Steps Asked For")
    int steps;

    @Label("Steps Recorded")
    int recorded;

    @Label("End")
    String endReason = "";
  }

  @Name("org.lrfinder.Training")
  @Label("Training")
  @Category("lrfinder")
  @Enabled(false)
  @StackTrace(false)
  static final class TrainingEvent extends Event {
    @Label("Engine")
    String engine = "";

    @Label("Device")
    String device = "";

    @Label("Epochs")
    long epochs;

    @Label("Steps")
    long steps;

    @Label("Mean Loss of the Last Epoch")
    double trainLoss;
  }

  @Name("org.lrfinder.Step")
  @Label("Optimizer Step")
  @Description("From the first batch to the update, or on a device until both are queued")
  @Category("lrfinder")
  @Enabled(false)
  @StackTrace(false)
  static final class StepEvent extends Event {
    @Label("Step")
    long step;

    @Label("Learning Rate")
    double lr;

    @Label("Loss")
    @Description("Not a number where it becomes known later")
    double loss;
  }

  private final SweepEvent sweep = new SweepEvent();
  private final TrainingEvent training = new TrainingEvent();
  private final StepEvent asked = new StepEvent(); // whether they are enabled
  private @Nullable StepEvent step;

  FlightRecorderLog() {
    sweep.begin();
    training.begin();
  }

  @Override
  public void beginStep() {
    if (asked.isEnabled()) {
      step = new StepEvent();
      step.begin();
    }
  }

  @Override
  public void endStep(long number, double lr, double loss) {
    if (step != null) {
      step.step = number;
      step.lr = lr;
      step.loss = loss;
      step.commit();
      step = null;
    }
  }

  @Override
  public void endSweep(SweepSettings settings, Curve curve, EndReason end, EngineInfo engine) {
    if (sweep.shouldCommit()) {
      sweep.engine = engine.engine();
      sweep.device = engine.device();
      sweep.minLr = settings.minLr();
      sweep.maxLr = settings.maxLr();
      sweep.steps = settings.steps();
      sweep.recorded = curve.size();
      sweep.endReason = end.words();
      sweep.commit();
    }
  }

  @Override
  public void endTraining(long epochs, long steps, double trainLoss, EngineInfo engine) {
    if (training.shouldCommit()) {
      training.engine = engine.engine();
      training.device = engine.device();
      training.epochs = epochs;
      training.steps = steps;
      training.trainLoss = trainLoss;
      training.commit();
    }
  }
}

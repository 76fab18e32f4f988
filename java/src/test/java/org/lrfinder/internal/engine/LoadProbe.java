package org.lrfinder.internal.engine;

import org.lrfinder.LrFinder;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.StepFunction;

/**
 * Runs in a JVM of its own, for {@link EngineLoadingTest}: prints what each choice of engine leads
 * to.
 */
final class LoadProbe {
  private LoadProbe() {}

  public static void main(String[] arguments) {
    try {
      System.out.println("NATIVE: " + Engines.of(EngineChoice.NATIVE).getClass().getSimpleName());
    } catch (UnsatisfiedLinkError e) {
      System.out.println("NATIVE: " + e.getMessage());
      System.out.println("cause: " + e.getCause());
    }
    System.out.println("AUTO: " + Engines.of(EngineChoice.AUTO).getClass().getSimpleName());
    System.out.println("AUTO: " + Engines.of(EngineChoice.AUTO).getClass().getSimpleName());
    System.out.println(
        "step function: " + LrFinder.builder().build().find(StepFunction.of(lr -> 1)).endReason());
  }
}

package org.lrfinder.internal.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.export.ResultJson;
import org.lrfinder.internal.nativecore.NativeCore;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.testkit.Models;

/**
 * Runs in a JVM of its own, for {@link EngineLoadingTest}: prints what each choice of engine leads
 * to.
 */
final class LoadProbe {
  private LoadProbe() {}

  public static void main(String[] arguments) throws IOException {
    try {
      System.out.println("NATIVE: " + Engines.of(EngineChoice.NATIVE).getClass().getSimpleName());
    } catch (UnsatisfiedLinkError e) {
      System.out.println("NATIVE: " + e.getMessage());
      System.out.println("cause: " + e.getCause());
    }
    Files.readAllLines(Path.of("/proc/self/maps")).stream()
        .filter(line -> line.contains("jnilrfinder"))
        .map(line -> line.substring(line.indexOf('/')))
        .distinct()
        .forEach(file -> System.out.println("mapped: " + file));
    System.out.println("AUTO: " + Engines.of(EngineChoice.AUTO).getClass().getSimpleName());
    System.out.println("AUTO: " + Engines.of(EngineChoice.AUTO).getClass().getSimpleName());
    System.out.println(
        "step function: " + LrFinder.builder().build().find(StepFunction.of(lr -> 1)).endReason());
    for (String asked : arguments) {
      switch (asked) {
        case "sweep" -> sweep();
        case "cuda" -> System.out.println("cuda: " + NativeCore.provideCudaLibrary());
        default -> throw new IllegalArgumentException(asked);
      }
    }
  }

  private static void sweep() {
    SequentialImpl network = Models.mlp();
    Batch batch =
        new Batch(torch.randn(8, Models.FEATURES), torch.zeros(8).to(torch.ScalarType.Long));
    LrFinderResult found =
        LrFinder.builder()
            .steps(20)
            .build()
            .find(
                network,
                new SGD(network.parameters(), new SGDOptions(0.1)),
                Loss.CROSS_ENTROPY,
                Collections.nCopies(20, batch));
    System.out.println("engine: " + found.engine().words());
    System.out.println("reason: " + found.engine().engineReason().orElse("none"));
    found.warnings().forEach(warning -> System.out.println("warning: " + warning));
    System.out.println("json: " + ResultJson.toJson(found));
  }
}

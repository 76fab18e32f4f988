package org.lrfinder.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.SweepTask;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;
import org.lrfinder.testkit.OwnJvm;

/** Devices by name, and what is said where they are not there. */
class DevicesTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {"", "gpu", "CUDA", "cuda:", "cuda:x", "cuda:-1", "cuda:1000", "cpu:0", "mps"})
  void whatIsNoDeviceIsRefusedByName(String name) {
    assertThatThrownBy(() -> Devices.requireName(name))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("device is " + name + ", but must be cpu, cuda or cuda:N");
  }

  @Test
  void theCpuIsAlwaysThere() {
    assertThatCode(() -> Devices.requirePresent(Devices.requireName("cpu")))
        .doesNotThrowAnyException();
    assertThat(Devices.info("cpu")).isEmpty();
  }

  @Test
  void aLibtorchWithoutCudaIsSaidToBeThat() {
    assumeThat(torch.show_config().getString()).doesNotContainPattern("USE_CUDA=(ON|1)");
    for (String device : List.of("cuda", "cuda:1")) {
      assertThatThrownBy(() -> Devices.requirePresent(device))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "device is %s, but libtorch finds no CUDA device: libtorch 2.10.0, as it is loaded, was built without CUDA; use org.bytedeco:pytorch-platform-gpu",
              device);
    }
  }

  @OnEachEngine
  void aTaskForADeviceThatIsNotThereIsRefusedBeforeItsDataAreLookedAt(EngineChoice engine) {
    assumeThat(torch.cuda_device_count()).isZero();
    SequentialImpl network = Models.mlp();
    Iterable<Batch> untouched =
        () -> {
          throw new AssertionError("walked");
        };
    LrFinder finder = LrFinder.builder().engine(engine).build();
    SweepTask<Batch> task =
        SweepTask.of(network, OptimizerSpec.SGD.over(network), Loss.CROSS_ENTROPY, untouched);
    assertThatThrownBy(() -> finder.find(task.device("cuda")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("device is cuda, but libtorch finds no CUDA device: ");
    assertThatThrownBy(() -> task.device("gpu"))
        .hasMessage("device is gpu, but must be cpu, cuda or cuda:N");
    assertThatThrownBy(() -> SweepTask.of(StepFunction.of(lr -> 1)).device("cpu"))
        .hasMessage("a step function has no batches to move to cpu");
  }

  @OnEachEngine
  void batchesThatAreThereAreSweptAsTheyAre(EngineChoice engine) {
    List<Batch> batches = Models.batches(3, torch.ScalarType.Float);
    LrFinderResult moved = null;
    for (boolean asked : new boolean[] {false, true}) {
      torch.manual_seed(1);
      SequentialImpl network = Models.mlp();
      SweepTask<Batch> task =
          SweepTask.of(network, OptimizerSpec.ADAM.over(network), Loss.CROSS_ENTROPY, batches)
              .validatedOn(batches);
      LrFinderResult found =
          LrFinder.builder()
              .engine(engine)
              .threads(1)
              .steps(20)
              .build()
              .find(asked ? task.device("cpu").declaredStatic() : task);
      assertThat(moved == null || found.results().equals(moved.results())).isTrue();
      moved = found;
    }
    EngineInfo info = moved.engine();
    assertThat(info.device()).isEqualTo("cpu");
    assertThat(info.path()).isEqualTo("immediate");
    assertThat(info.hardware()).isEmpty();
    assertThat(batches).noneMatch(batch -> batch.input().isNull() || batch.target().isNull());
  }

  /** Asks for CUDA's devices in a JVM of its own. */
  static final class Probe {
    private Probe() {}

    public static void main(String[] arguments) {
      System.out.println("problem: " + CudaDevices.find().problem().orElse("none"));
      System.out.println("info: " + Devices.info("cuda:0") + Devices.info("cuda:1"));
    }
  }

  private static boolean isPresets(String entry) {
    return entry.matches(".*cuda-[^/]*\\.jar");
  }

  private static String probe(List<String> classPath) throws Exception {
    return OwnJvm.run(classPath, List.of(), Probe.class);
  }

  @Test
  void withoutThePresetsForCudaThatIsSaidOnce() throws Exception {
    List<String> without = OwnJvm.classPath().stream().filter(entry -> !isPresets(entry)).toList();
    String problem =
        "the presets for CUDA (org.bytedeco:cuda) are not on the class path, or not whole";
    assertThat(probe(without))
        .contains("problem: " + problem, "info: Optional.emptyOptional.empty")
        .containsOnlyOnce("Nothing more is known of cuda:0: " + problem);
  }

  /** The classes are there for the compiler; their libraries are not. */
  @Test
  void presetsThatDoNotLoadAreSaidToDoSo() throws Exception {
    assumeThat(torch.cuda_device_count()).isZero();
    assertThat(OwnJvm.classPath()).anyMatch(DevicesTest::isPresets);
    assertThat(probe(OwnJvm.classPath()))
        .containsPattern(
            "problem: the presets for CUDA \\(org.bytedeco:cuda\\) do not load: .*cudart");
  }

  @Test
  void presetsOfAnotherVersionAreNamedBesideTheOneOfJavaCpp() throws Exception {
    List<String> classPath = new ArrayList<>(List.of(otherVersion()));
    classPath.addAll(OwnJvm.classPath());
    assertThat(probe(classPath))
        .contains(
            "problem: the presets for CUDA are 12.9-9.10-1.5.12, but JavaCPP is 1.5.13: use org.bytedeco:cuda of a version that ends in -1.5.13");
  }

  /** What their jar says of itself, before it. */
  private String otherVersion() throws IOException {
    Path properties = folder.resolve("META-INF/maven/org.bytedeco/cuda/pom.properties");
    Files.createDirectories(properties.getParent());
    Files.writeString(
        properties, "groupId=org.bytedeco\nartifactId=cuda\nversion=12.9-9.10-1.5.12\n");
    return folder.toString();
  }
}

package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.ConstantPad1dImpl;
import org.bytedeco.pytorch.ConstantPad1dOptions;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DispatchKey;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.Replay;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossFunction;
import org.lrfinder.sweep.Precision;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OptimizerSpec;
import org.lrfinder.testkit.OwnJvm;

/** Which steps of a sweep are replayed, and that replay changes no bit of it. */
class ReplayTest {
  private static final int STEPS = 100;
  // The first batch of a shape is merely seen, the second recorded.
  private static final Replay ALL = Replay.of(STEPS - 2, "");
  // And the first replay is checked by autograd, whose step it then is.
  private static final Replay ALL_CHECKED = Replay.of(STEPS - 3, "");

  private final List<Batch> batches = Models.batches(5, ScalarType.Float);
  private final SequentialImpl network = Models.batchNormAndDropout();
  private final Optimizer optimizer = OptimizerSpec.ADAM.over(network);
  private int calls;

  @BeforeEach
  void nativeEngine() {
    assumeThat(EnginesUnderTest.all()).contains(EngineChoice.NATIVE);
  }

  private static LrFinder.Builder finder() {
    return LrFinder.builder()
        .engine(EngineChoice.NATIVE)
        .minLr(1e-4)
        .maxLr(0.1)
        .steps(STEPS)
        .noEarlyStop();
  }

  private static Replay replayed(SweepTask<?> task) {
    return replayed(finder(), task);
  }

  /** Sweeps both ways, which must agree to the bit. */
  private static Replay replayed(LrFinder.Builder finder, SweepTask<?> task) {
    LrFinderResult replayed = finder.replay(true).build().find(task);
    LrFinderResult computed = finder.replay(false).build().find(task);
    assertThat(computed.replay()).isEqualTo(Replay.of(0, "replay is turned off"));
    assertThat(replayed.results()).isEqualTo(computed.results());
    assertThat(replayed.endReason()).isEqualTo(computed.endReason());
    return replayed.replay();
  }

  private Tensor crossEntropy(Batch batch) {
    calls++;
    return torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
  }

  @Test
  void theStepsOfKnownLayersAreReplayed() {
    ModelState before = ModelState.of(network, optimizer);
    SweepTask<Batch> task = SweepTask.of(network, optimizer, Loss.CROSS_ENTROPY, batches);
    assertThat(replayed(task)).isEqualTo(ALL);
    assertThat(replayed(task.validatedOn(batches))).isEqualTo(ALL);
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }

  @Test
  void accumulatedPartialAndRoundedStepsAreReplayed() {
    List<Batch> partial = new ArrayList<>(batches);
    Batch last = batches.get(0);
    partial.add(new Batch(last.input().narrow(0, 0, 7), last.target().narrow(0, 0, 7)));
    SweepTask<Batch> task = SweepTask.of(network, optimizer, Loss.CROSS_ENTROPY, partial);
    assertThat(replayed(task)).isEqualTo(Replay.of(STEPS - 4, "")); // of two shapes
    assertThat(replayed(finder().accumulateGradBatches(2), task).steps()).isGreaterThan(90);
    assertThat(replayed(finder().precision(Precision.BFLOAT16), task).steps()).isGreaterThan(90);
    assertThat(replayed(finder().gradientClipNorm(0.1), task).steps()).isGreaterThan(90);
  }

  @Test
  void thePortableEngineDoesNotReplay() {
    assertThat(
            finder()
                .engine(EngineChoice.PORTABLE)
                .build()
                .find(network, optimizer, Loss.CROSS_ENTROPY, batches)
                .replay())
        .isEqualTo(Replay.of(0, "the portable engine does not replay"));
  }

  @Test
  void aStepFunctionIsNotReplayedNorDeclaredStatic() {
    SweepTask<Void> task = SweepTask.of(StepFunction.of(lr -> 1.0));
    assertThat(finder().build().find(task).replay())
        .isEqualTo(Replay.of(0, "a step function does its own steps"));
    assertThatThrownBy(task::declaredStatic)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "a step function cannot be declared static: its steps are its own, and never replayed");
  }

  /** Has a layer, and counts what goes through it. */
  private static final class Counting extends Module {
    private final LinearImpl layer = new LinearImpl(Models.FEATURES, Models.CLASSES);
    private int calls;

    Counting() {
      super("counting");
      register_module("layer", layer);
    }

    Tensor forward(Tensor input) {
      calls++;
      return torch.tanh(layer.forward(input));
    }
  }

  private SequentialImpl withAnUnknownLayer() {
    ConstantPad1dOptions padding = new ConstantPad1dOptions(new LongPointer(0, 0), 0.0);
    SequentialImpl padded = Models.keep(new SequentialImpl());
    padded.push_back(Models.keep(new LinearImpl(Models.FEATURES, Models.CLASSES)));
    padded.push_back(Models.keep(new ConstantPad1dImpl(padding)));
    return padded;
  }

  @Test
  void layersThatAreNotKnownAreReplayedIfTheyAreDeclaredStatic() {
    SequentialImpl padded = withAnUnknownLayer();
    SequentialImpl ofJava = Models.mlp();
    ofJava.register_module("counting", Models.keep(new Counting()));
    for (SequentialImpl unknown : List.of(padded, ofJava)) {
      SweepTask<Batch> task =
          SweepTask.of(unknown, OptimizerSpec.SGD.over(unknown), Loss.CROSS_ENTROPY, batches);
      Replay undeclared = replayed(task);
      assertThat(undeclared.steps()).isZero();
      assertThat(undeclared.reason().orElseThrow())
          .matches(
              "the network has a layer of class .*(ConstantPad1dImpl|Module).*, which is not known"
                  + " to do the same for every batch");
      assertThat(replayed(task.declaredStatic())).isEqualTo(ALL_CHECKED);
    }
  }

  @Test
  void aLossInJavaIsReplayedIfItIsDeclaredStaticAndThenNotCalled() {
    SweepTask<Batch> task = SweepTask.of(network, optimizer, this::crossEntropy, batches);
    assertThat(replayed(task))
        .isEqualTo(
            Replay.of(
                0, "the loss is computed by the caller, who has not declared the model static"));
    assertThat(calls).isEqualTo(2 * STEPS);
    calls = 0;
    assertThat(replayed(task.declaredStatic())).isEqualTo(ALL_CHECKED);
    assertThat(calls).isEqualTo(STEPS + 3);
    assertThat(replayed(finder().precision(Precision.BFLOAT16), task.declaredStatic()))
        .isEqualTo(ALL_CHECKED);
    assertThat(replayed(finder().accumulateGradBatches(2), task.declaredStatic()).steps())
        .isEqualTo(STEPS - 2); // of three micro-batches
  }

  private SweepTask<Batch> declaredAndValidated(SequentialImpl validated) {
    LossFunction<Batch> loss =
        batch -> torch.cross_entropy_loss(validated.forward(batch.input()), batch.target());
    return SweepTask.of(validated, OptimizerSpec.ADAM.over(validated), loss, batches)
        .validatedOn(batches)
        .declaredStatic();
  }

  @Test
  void validationIsNotReplayed() {
    assertThat(replayed(declaredAndValidated(Models.mlp()))).isEqualTo(ALL_CHECKED);
  }

  @Test
  void theCheckOfAPromiseLeavesTheStatisticsOfBatchNormAsAutogradDoes() {
    assertThat(replayed(declaredAndValidated(network))).isEqualTo(ALL_CHECKED);
  }

  @Test
  void theEnginesAgreeOnWhatIsDeclaredStatic() {
    SweepTask<Batch> task = SweepTask.of(network, optimizer, this::crossEntropy, batches);
    LrFinderResult portable =
        finder().engine(EngineChoice.PORTABLE).build().find(task.declaredStatic());
    assertThat(portable.replay().reason()).contains("the portable engine does not replay");
    assertThat(portable.results())
        .isEqualTo(finder().engine(EngineChoice.PORTABLE).build().find(task).results());
  }

  @Test
  void aModuleInJavaIsNotCalledInAReplayedStep() {
    Counting counting = Models.keep(new Counting());
    SweepTask<Batch> task =
        SweepTask.of(
                counting,
                OptimizerSpec.ADAMW.over(counting),
                (Batch batch) ->
                    torch.cross_entropy_loss(counting.forward(batch.input()), batch.target()),
                batches)
            .declaredStatic();
    assertThat(finder().build().find(task).replay()).isEqualTo(ALL_CHECKED);
    assertThat(counting.calls).isEqualTo(3);
    assertThat(replayed(task)).isEqualTo(ALL_CHECKED);
  }

  @Test
  void aBatchThatIsATensorIsReplayedAndOneOfAnotherTypeIsNot() {
    List<Tensor> tensors = batches.stream().map(Batch::input).toList();
    SweepTask<Tensor> task =
        SweepTask.of(
            network, optimizer, (Tensor input) -> network.forward(input).square().mean(), tensors);
    assertThat(replayed(task.declaredStatic())).isEqualTo(ALL_CHECKED);
    SweepTask<Optional<Tensor>> wrapped =
        SweepTask.of(
            network,
            optimizer,
            (Optional<Tensor> input) -> network.forward(input.orElseThrow()).square().mean(),
            tensors.stream().map(Optional::of).toList());
    assertThat(replayed(wrapped.declaredStatic()))
        .isEqualTo(
            Replay.of(
                0,
                "a batch is of java.util.Optional, but only one of type Batch or Tensor can be"
                    + " replayed"));
  }

  @Test
  void theLossesOfAGanAreReplayedInTurn() {
    SequentialImpl generator = Models.mlp(Models.FEATURES, List.of(8), Models.FEATURES);
    SequentialImpl discriminator = Models.mlp(Models.FEATURES, List.of(8), 1);
    LossFunction<Batch> realOrFake =
        batch -> {
          calls++;
          Tensor fake = generator.forward(torch.randn_like(batch.input())).detach();
          return against(discriminator.forward(batch.input()), 1)
              .add(against(discriminator.forward(fake), 0));
        };
    LossFunction<Batch> deception =
        batch -> {
          calls++;
          return against(
              discriminator.forward(generator.forward(torch.randn_like(batch.input()))), 1);
        };
    SweepTask<Batch> task =
        SweepTask.of(
                List.of(
                    OptimizedLoss.sweeping(
                        discriminator, OptimizerSpec.ADAM.over(discriminator), realOrFake),
                    OptimizedLoss.keeping(
                        generator, OptimizerSpec.ADAM.over(generator), deception)),
                batches)
            .declaredStatic();
    assertThat(replayed(task)).isEqualTo(ALL_CHECKED);
    assertThat(calls).isEqualTo(2 * (STEPS + 3));
    assertThat(replayed(finder().accumulateGradBatches(3), task).steps()).isEqualTo(STEPS - 1);
  }

  private static Tensor against(Tensor scores, double label) {
    return torch.binary_cross_entropy_with_logits(
        scores, torch.full_like(scores, new Scalar(label)));
  }

  @Test
  void batchesOfAShapeMayBeLeftOut() {
    List<Batch> mixed = new ArrayList<>();
    for (Batch batch : batches) {
      mixed.add(batch);
      mixed.add(new Batch(batch.input().narrow(0, 0, 3), batch.target().narrow(0, 0, 3)));
    }
    SweepTask<Batch> task =
        SweepTask.of(
                network,
                optimizer,
                (Batch batch) -> batch.input().size(0) == 3 ? null : crossEntropy(batch),
                mixed)
            .declaredStatic();
    assertThat(replayed(task)).isEqualTo(ALL_CHECKED);
    assertThat(calls).isEqualTo(STEPS + 3);
    assertThat(replayed(finder().accumulateGradBatches(2), task).steps()).isEqualTo(STEPS - 2);
  }

  /** Whether operators of this thread are recorded. */
  private static boolean recording() {
    return torch.tls_is_dispatch_key_included(DispatchKey.Fake);
  }

  @Test
  void aLossThatFailsOrIsRefusedOrNullEndsItsRecording() {
    double[] curve =
        finder().build().find(network, optimizer, Loss.CROSS_ENTROPY, batches).results().losses();
    List<Boolean> recorded = new ArrayList<>();
    LossFunction<Batch> failing =
        batch -> {
          recorded.add(recording());
          if (calls == 1) {
            throw new IllegalStateException("no loss");
          }
          return crossEntropy(batch);
        };
    assertThatThrownBy(() -> sweepDeclared(failing))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("no loss");
    assertThat(recorded).containsExactly(false, true);
    assertThat(recording()).isFalse();

    calls = 0;
    LossFunction<Batch> nullAtFirst =
        batch -> {
          recorded.add(recording());
          return calls++ < 3
              ? null
              : torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
        };
    recorded.clear();
    Iterable<Batch> watching =
        () ->
            batches.stream()
                .peek(batch -> assertThat(recording()).as("between the losses").isFalse())
                .iterator();
    finder().build().find(SweepTask.of(network, optimizer, nullAtFirst, watching).declaredStatic());
    assertThat(recorded).startsWith(false, true, true, true);

    assertThatThrownBy(() -> sweepDeclared(batch -> network.forward(batch.input())))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("the loss must be one real number");
    assertThat(recording()).isFalse();
    assertThat(
            finder()
                .build()
                .find(network, optimizer, Loss.CROSS_ENTROPY, batches)
                .results()
                .losses())
        .isEqualTo(curve);
  }

  private LrFinderResult sweepDeclared(LossFunction<Batch> loss) {
    return finder().build().find(SweepTask.of(network, optimizer, loss, batches).declaredStatic());
  }

  @Test
  void aBrokenPromiseIsFoundAndTheStepsAreThenAutograds() {
    LossFunction<Batch> counting =
        batch -> crossEntropy(batch).mul(new Scalar(1 + 0.01 * (calls % STEPS)));
    SweepTask<Batch> task = SweepTask.of(network, optimizer, counting, batches);
    assertThat(replayed(task.declaredStatic()))
        .isEqualTo(
            Replay.of(
                0,
                "a replayed step was not autograd's, the loss differed: the model is not static"));
    assertThat(calls).isEqualTo(2 * STEPS);
  }

  @TempDir private Path folder;

  /** The tests' script with another forward. */
  private JitModule script(String forward) throws IOException {
    Path file = folder.resolve("script.pt");
    try (ZipFile from = new ZipFile("src/test/torchscript/classifier.pt");
        ZipOutputStream to = new ZipOutputStream(Files.newOutputStream(file))) {
      for (ZipEntry entry : from.stream().filter(e -> !e.getName().endsWith("_pkl")).toList()) {
        byte[] content = from.getInputStream(entry).readAllBytes();
        if (entry.getName().endsWith("code/__torch__.py")) {
          String code = new String(content, StandardCharsets.UTF_8);
          String head = code.substring(0, code.indexOf("    calls = self.calls"));
          content = (head + forward).getBytes(StandardCharsets.UTF_8);
        }
        to.putNextEntry(new ZipEntry(entry.getName()));
        to.write(content);
        to.closeEntry();
      }
    }
    JitModule script = Models.keep(torch.load(file.toString()));
    script.to(ScalarType.Float, false);
    return script;
  }

  private SweepTask<Batch> sweepOf(JitModule script) {
    TensorVector parameters = AnyModelTest.parametersOf(script);
    return SweepTask.of(script, OptimizerSpec.SGD.over(parameters), Loss.CROSS_ENTROPY, batches);
  }

  @Test
  void torchScriptWithoutABranchIsReplayedByItselfAndWithOneIfDeclaredStatic() throws IOException {
    String straight =
        """
            hidden = torch.tanh((self.first).forward(x, ))
            return (self.last).forward(hidden, )
        """;
    String branching =
        """
            training = self.training
            if training:
              hidden = torch.tanh((self.first).forward(x, ))
            else:
              hidden = (self.first).forward(x, )
            return (self.last).forward(hidden, )
        """;
    assertThat(replayed(sweepOf(script(straight)))).isEqualTo(ALL);
    SweepTask<Batch> task = sweepOf(script(branching));
    assertThat(replayed(task))
        .isEqualTo(Replay.of(0, "the TorchScript module's graph has a prim::If"));
    assertThat(replayed(task.declaredStatic())).isEqualTo(ALL_CHECKED);
  }

  @Test
  void anObserverOfOperatorsChangesNothing() {
    SweepTask<Batch> task =
        SweepTask.of(network, optimizer, this::crossEntropy, batches).declaredStatic();
    LrFinderResult alone = finder().build().find(task);
    try (BytePointer observer = new BytePointer(64)) { // at::RecordFunctionCallback
      observer.fill(0); // no functions
      observer.position(16).asByteBuffer().order(ByteOrder.nativeOrder()).putDouble(1);
      for (int i = 24; i < 64; i++) {
        observer.position(0).put(i, (byte) 1); // of all scopes, with inputs and outputs
      }
      torch.addThreadLocalCallback(observer.position(0));
      assertThat(torch.hasThreadLocalCallbacks()).isTrue();
      LrFinderResult observed = finder().build().find(task);
      assertThat(observed.results()).isEqualTo(alone.results());
      assertThat(observed.replay()).isEqualTo(alone.replay()).isEqualTo(ALL_CHECKED);
      assertThat(replayed(SweepTask.of(network, optimizer, Loss.CROSS_ENTROPY, batches)))
          .isEqualTo(ALL);
    } finally {
      torch.clearThreadLocalCallbacks();
    }
  }

  /** Sweeps, and says what was replayed. */
  public static void main(String[] arguments) {
    torch.manual_seed(7);
    SequentialImpl network = Models.mlp();
    List<Batch> batches = Models.batches(3, ScalarType.Float);
    LrFinderResult found =
        finder()
            .build()
            .find(network, OptimizerSpec.ADAM.over(network), Loss.CROSS_ENTROPY, batches);
    System.out.println(found.replay().steps() + " " + found.replay().reason().orElse(""));
    System.out.println(Arrays.hashCode(found.results().losses()));
  }

  private record Subject(SweepTask<Batch> task, LrFinder finder) {
    Curve sweep() {
      return finder.find(task).results();
    }
  }

  @Test
  void sweepsOfBothEnginesBesideEachOtherAreThoseAlone() throws Exception {
    List<Subject> subjects = new ArrayList<>();
    for (EngineChoice engine :
        List.of(EngineChoice.NATIVE, EngineChoice.NATIVE, EngineChoice.PORTABLE)) {
      SequentialImpl own = Models.mlp();
      SweepTask<Batch> task =
          subjects.isEmpty()
              ? SweepTask.of(own, OptimizerSpec.ADAM.over(own), Loss.CROSS_ENTROPY, batches)
              : SweepTask.of(
                      own,
                      OptimizerSpec.ADAM.over(own),
                      (Batch batch) ->
                          torch.cross_entropy_loss(own.forward(batch.input()), batch.target()),
                      batches)
                  .declaredStatic();
      subjects.add(new Subject(task, finder().engine(engine).threads(1).build()));
    }
    List<Curve> alone = subjects.stream().map(Subject::sweep).toList();
    CyclicBarrier together = new CyclicBarrier(subjects.size());
    ExecutorService threads = Executors.newFixedThreadPool(subjects.size());
    try {
      List<Future<List<Curve>>> beside = new ArrayList<>();
      for (Subject subject : subjects) {
        beside.add(
            threads.submit(
                () -> {
                  together.await();
                  return Stream.generate(subject::sweep).limit(10).toList();
                }));
      }
      for (int i = 0; i < subjects.size(); i++) {
        assertThat(beside.get(i).get()).hasSize(10).containsOnly(alone.get(i));
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void aPropertyTurnsItOffForTheProcess() throws Exception {
    String on = OwnJvm.run(List.of(), ReplayTest.class);
    String off = OwnJvm.run(List.of("-Dlrfinder.replay=false"), ReplayTest.class);
    assertThat(on.lines()).contains((STEPS - 2) + " ");
    assertThat(off.lines()).contains("0 replay is turned off");
    assertThat(off.lines().reduce((a, b) -> b)).isEqualTo(on.lines().reduce((a, b) -> b));
  }
}

package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.Conv2dOptions;
import org.bytedeco.pytorch.EmbeddingImpl;
import org.bytedeco.pytorch.EmbeddingOptions;
import org.bytedeco.pytorch.GRUImpl;
import org.bytedeco.pytorch.GRUOptions;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.LSTMImpl;
import org.bytedeco.pytorch.LSTMOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.TransformerEncoderImpl;
import org.bytedeco.pytorch.TransformerEncoderLayerOptions;
import org.bytedeco.pytorch.TransformerEncoderOptions;
import org.bytedeco.pytorch.buffer_iterator;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.parameter_iterator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.LossFunction;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OptimizerSpec;

/**
 * Networks of every kind: each is swept as its own optimizer would train it, with the same curve on
 * both engines, and is afterwards what it was.
 */
class AnyModelTest {
  private static final int STEPS = 40;

  @BeforeEach
  void seed() {
    torch.manual_seed(11);
  }

  /** Sweeps on each engine, and then lets the model's own optimizers train at the same rates. */
  private static void assertSweptAsTrained(
      Function<LrFinder, LrFinderResult> sweep,
      Supplier<List<ModelState>> state,
      DoubleUnaryOperator ownStep) {
    List<ModelState> before = state.get();
    Map<EngineChoice, double[]> losses = new LinkedHashMap<>();
    LrFinder finder = null;
    for (EngineChoice engine : EnginesUnderTest.all()) {
      finder =
          LrFinder.builder()
              .engine(engine)
              .minLr(1e-4)
              .maxLr(0.3)
              .steps(STEPS)
              .noEarlyStop()
              .build();
      LrFinderResult found = sweep.apply(finder);
      assertThat(found.results().size()).as(engine.name()).isEqualTo(STEPS);
      LrFinder computing =
          LrFinder.builder().sweep(finder.settings()).engine(engine).replay(false).build();
      assertThat(sweep.apply(computing).results()).as(engine.name()).isEqualTo(found.results());
      losses.put(engine, found.results().losses());
      List<ModelState> after = state.get();
      for (int i = 0; i < before.size(); i++) {
        before.get(i).assertUnchangedIn(after.get(i));
      }
    }
    double[] expected =
        IntStream.range(0, STEPS).mapToDouble(finder.settings()::rate).map(ownStep).toArray();
    assertThat(DoubleStream.of(expected).distinct().count()).isGreaterThan(STEPS / 2);
    losses.forEach(
        (engine, curve) -> {
          for (int i = 0; i < STEPS; i++) {
            assertThat(curve[i])
                .as("%s, loss %d", engine, i)
                .isCloseTo(expected[i], within(1e-9 * Math.max(Math.abs(expected[i]), 1)));
          }
        });
  }

  /** A training step as users write it; batches in turn. */
  private static <B> DoubleUnaryOperator ownStep(
      Optimizer optimizer, LossFunction<B> loss, List<B> batches) {
    int[] step = {0};
    return lr -> {
      for (long g = 0; g < optimizer.param_groups().size(); g++) {
        optimizer.param_groups().get(g).options().set_lr(lr);
      }
      optimizer.zero_grad();
      Tensor value = loss.loss(batches.get(step[0]++ % batches.size()));
      value.backward();
      optimizer.step();
      return value.item_double();
    };
  }

  private static <B> void assertSweptAsTrained(
      Module network, Optimizer optimizer, LossFunction<B> loss, List<B> batches) {
    assertSweptAsTrained(
        finder -> {
          SweepTask<B> task = SweepTask.of(network, optimizer, loss, batches);
          LrFinderResult found = finder.find(task);
          assertThat(finder.find(task.declaredStatic()).results()).isEqualTo(found.results());
          return found;
        },
        () -> List.of(ModelState.of(network, optimizer)),
        ownStep(optimizer, loss, batches));
  }

  /** Two inputs; the branch of the numbers is left out where a batch has none. */
  private static final class ImageAndNumbers extends Module {
    private final Conv2dImpl convolution =
        new Conv2dImpl(new Conv2dOptions(1, 4, new LongPointer(3, 3)));
    private final LinearImpl numbers = new LinearImpl(2, 4);
    private final LinearImpl last = new LinearImpl(4, 3);

    ImageAndNumbers() {
      super("image_and_numbers");
      register_module("convolution", convolution);
      register_module("numbers", numbers);
      register_module("last", last);
    }

    Tensor forward(Map<String, Tensor> batch) {
      Tensor seen = torch.relu(convolution.forward(batch.get("image"))).mean(2, 3);
      Tensor values = batch.get("numbers");
      return last.forward(values == null ? seen : seen.add(numbers.forward(values)));
    }
  }

  @Test
  void aJavaNetworkWithTwoInputsFromMapsAndABranchThatIsNotAlwaysTaken() {
    ImageAndNumbers network = Models.keep(Models.inDouble(new ImageAndNumbers()));
    List<Map<String, Tensor>> batches =
        IntStream.range(0, 5)
            .mapToObj(
                i -> {
                  Map<String, Tensor> batch = new LinkedHashMap<>();
                  batch.put("image", inDouble(torch.randn(8, 1, 6, 6)));
                  batch.put("label", torch.randint(0, 3, new long[] {8}).to(ScalarType.Long));
                  if (i % 3 != 1) {
                    batch.put("numbers", inDouble(torch.randn(8, 2)));
                  }
                  return batch;
                })
            .toList();
    assertSweptAsTrained(
        network,
        OptimizerSpec.ADAM.over(network),
        batch -> torch.cross_entropy_loss(network.forward(batch), batch.get("label")),
        batches);
  }

  /** Predicts each next character of a text. */
  private static final class CharacterTransformer extends Module {
    private static final int WIDTH = 16;

    private final EmbeddingImpl characters;
    private final EmbeddingImpl positions;
    private final TransformerEncoderImpl encoder;
    private final LinearImpl head;

    CharacterTransformer(int alphabet, int length) {
      super("character_transformer");
      characters = new EmbeddingImpl(alphabet, WIDTH);
      positions = new EmbeddingImpl(length, WIDTH);
      TransformerEncoderLayerOptions layer = new TransformerEncoderLayerOptions(WIDTH, 2);
      layer.dim_feedforward().put(32L);
      encoder = new TransformerEncoderImpl(new TransformerEncoderOptions(layer, 2));
      head = new LinearImpl(WIDTH, alphabet);
      register_module("characters", characters);
      register_module("positions", positions);
      register_module("encoder", encoder);
      register_module("head", head);
      register_buffer("mask", torch.ones(length, length).triu(1).mul(new Scalar(-1e9)));
    }

    /** Character codes {@code [length, n]} to scores {@code [length, n, alphabet]}. */
    Tensor forward(Tensor codes) {
      Tensor places = torch.arange(new Scalar(codes.size(0))).to(ScalarType.Long);
      Tensor embedded = characters.forward(codes).add(positions.forward(places).unsqueeze(1));
      return head.forward(encoder.forward(embedded, buffers().get(0), new Tensor()));
    }
  }

  @Test
  void aCharacterTransformerOnThisProjectsText() throws IOException {
    String text = Files.readString(Path.of("..", "README.md"));
    List<Integer> alphabet = text.chars().distinct().sorted().boxed().toList();
    long[] codes = text.chars().mapToLong(alphabet::indexOf).toArray();
    int length = 12;
    int rows = 8;
    List<Batch> batches =
        IntStream.range(0, 6)
            .mapToObj(
                i -> {
                  long[] input = window(codes, i * rows * length, rows, length, 0);
                  long[] next = window(codes, i * rows * length, rows, length, 1);
                  return new Batch(
                      Tensor.create(input).view(rows, length).t().contiguous(),
                      Tensor.create(next).view(rows, length).t().contiguous());
                })
            .toList();
    CharacterTransformer network =
        Models.keep(Models.inDouble(new CharacterTransformer(alphabet.size(), length)));
    assertSweptAsTrained(
        network,
        OptimizerSpec.ADAMW.over(network),
        batch -> {
          Tensor scores = network.forward(batch.input());
          return torch.cross_entropy_loss(
              scores.view(-1, alphabet.size()), batch.target().reshape(-1));
        },
        batches);
  }

  private static long[] window(long[] codes, int from, int rows, int length, int shift) {
    return LongStream.range(0, (long) rows * length)
        .map(i -> codes[from + (int) i + shift])
        .toArray();
  }

  /** The mean of a sequence from its values. */
  private static final class SequenceMean extends Module {
    private final LSTMImpl lstm;
    private final GRUImpl gru;
    private final LinearImpl last = new LinearImpl(7, 1);

    SequenceMean() {
      super("sequence_mean");
      LSTMOptions first = new LSTMOptions(2, 6);
      first.num_layers().put(2L);
      first.dropout().put(0.1);
      lstm = new LSTMImpl(first);
      gru = new GRUImpl(new GRUOptions(6, 7));
      register_module("lstm", lstm);
      register_module("gru", gru);
      register_module("last", last);
    }

    Tensor forward(Tensor sequence) {
      Tensor states = gru.forward(lstm.forward(sequence).get0()).get0();
      return last.forward(states.select(0, states.size(0) - 1));
    }
  }

  @Test
  void anLstmAndAGruOverSequencesOfDifferentLengths() {
    SequenceMean network = Models.keep(Models.inDouble(new SequenceMean()));
    List<Tensor> batches =
        IntStream.rangeClosed(3, 7).mapToObj(i -> inDouble(torch.randn(i, 5, 2))).toList();
    assertSweptAsTrained(
        network,
        OptimizerSpec.RMSPROP.over(network),
        batch -> torch.mse_loss(network.forward(batch), batch.mean(0, 2).unsqueeze(1)),
        batches);
  }

  @ParameterizedTest
  @EnumSource(
      value = OptimizerSpec.class,
      names = {"SGD", "ADAGRAD"})
  void aSparseEmbedding(OptimizerSpec kind) {
    EmbeddingOptions options = new EmbeddingOptions(50, 4);
    options.sparse().put(true);
    EmbeddingImpl embedding = Models.keep(Models.inDouble(new EmbeddingImpl(options)));
    List<Tensor> batches =
        IntStream.range(0, 4)
            .mapToObj(i -> torch.randint(0, 50, new long[] {12, 2}).to(ScalarType.Long))
            .toList();
    assertSweptAsTrained(
        embedding,
        kind.over(embedding),
        pairs -> {
          Tensor vectors = embedding.forward(pairs);
          Tensor distance = vectors.select(1, 0).sub(vectors.select(1, 1)).square().sum(1);
          return distance.sub(new Scalar(1.0)).square().mean();
        },
        batches);
  }

  static JitModule torchScript() {
    return Models.keep(torch.load("src/test/torchscript/classifier.pt"));
  }

  static TensorVector parametersOf(JitModule script) {
    TensorVector parameters = new TensorVector();
    parameter_iterator end = script.parameters().end();
    for (parameter_iterator i = script.parameters().begin(); i.notEquals(end); i.increment()) {
      parameters.push_back(i.access());
    }
    return parameters;
  }

  static ModelState stateOf(JitModule script, Optimizer optimizer) {
    List<Tensor> buffers = new ArrayList<>();
    buffer_iterator end = script.buffers().end();
    for (buffer_iterator i = script.buffers().begin(); i.notEquals(end); i.increment()) {
      buffers.add(i.access());
    }
    buffers.add(Tensor.create(script.attr("calls").toInt()));
    buffers.add(Tensor.create(script.is_training() ? 1L : 0L));
    buffers.add(
        Tensor.create(
            new JitModule(script.attr("frozen_norm").toObject()).is_training() ? 1L : 0L));
    return ModelState.of(new Module("none"), optimizer, buffers.toArray(Tensor[]::new));
  }

  private static Tensor forward(JitModule script, Tensor input) {
    return script.forward(new IValueVector(new IValue(input))).toTensor();
  }

  static LossFunction<Batch> crossEntropy(JitModule script) {
    return batch -> torch.cross_entropy_loss(forward(script, batch.input()), batch.target());
  }

  @ParameterizedTest
  @EnumSource(
      value = OptimizerSpec.class,
      names = {"SGD_MOMENTUM_DAMPENING", "ADAM"})
  void aTorchScriptModuleForwardedByTheEngine(OptimizerSpec kind) {
    JitModule script = torchScript();
    List<Batch> batches = Models.batches(5, ScalarType.Double);
    Optimizer optimizer = kind.over(parametersOf(script));
    assertSweptAsTrained(
        finder -> finder.find(SweepTask.of(script, optimizer, Loss.CROSS_ENTROPY, batches)),
        () -> List.of(stateOf(script, optimizer)),
        ownStep(optimizer, crossEntropy(script), batches));
  }

  @Test
  void aTorchScriptModuleForwardedInJava() {
    JitModule script = torchScript();
    List<Batch> batches = Models.batches(5, ScalarType.Double);
    Optimizer optimizer = OptimizerSpec.ADAM.over(parametersOf(script));
    LossFunction<Batch> loss =
        batch -> {
          script.train(true); // also the batch norm that was in eval mode: put back afterwards
          return crossEntropy(script).loss(batch);
        };
    assertSweptAsTrained(
        finder -> finder.find(SweepTask.of(script, optimizer, loss, batches)),
        () -> List.of(stateOf(script, optimizer)),
        ownStep(optimizer, loss, batches));
  }

  /** TorchScript's executor optimizes what it has seen run: the sweep must not count. */
  @Test
  void trainingTorchScriptAfterASweepEqualsTrainingWithoutOne() {
    for (EngineChoice engine : EnginesUnderTest.all()) {
      List<Batch> batches = Models.batches(5, ScalarType.Double);
      List<List<Double>> runs = new ArrayList<>();
      for (boolean sweepFirst : new boolean[] {false, true}) {
        JitModule script = torchScript();
        Optimizer optimizer = OptimizerSpec.ADAM.over(parametersOf(script));
        if (sweepFirst) {
          LrFinder.builder()
              .engine(engine)
              .build()
              .find(SweepTask.of(script, optimizer, Loss.CROSS_ENTROPY, batches));
        }
        torch.manual_seed(3);
        DoubleUnaryOperator step = ownStep(optimizer, crossEntropy(script), batches);
        runs.add(IntStream.range(0, 50).mapToObj(i -> step.applyAsDouble(0.01)).toList());
      }
      assertThat(runs.get(1)).as(engine.name()).isEqualTo(runs.get(0));
    }
  }

  /** Points on a circle, and a generator that should make such. */
  @Test
  void aGenerativeAdversarialNetwork() {
    SequentialImpl generator = Models.inDouble(Models.mlp(3, List.of(8), 2));
    SequentialImpl discriminator = Models.inDouble(Models.mlp(2, List.of(8), 1));
    Optimizer generatorAdam = OptimizerSpec.ADAM.over(generator);
    Optimizer discriminatorAdam = OptimizerSpec.ADAM.over(discriminator);
    List<Tensor> points =
        IntStream.range(0, 4)
            .mapToObj(i -> inDouble(torch.randn(16, 2)))
            .map(x -> x.div(x.square().sum(new long[] {1}, true, new ScalarTypeOptional()).sqrt()))
            .toList();
    Supplier<Tensor> made = () -> generator.forward(inDouble(torch.randn(16, 3)));
    LossFunction<Tensor> discriminatorLoss =
        real ->
            against(discriminator.forward(real), 1)
                .add(against(discriminator.forward(made.get().detach()), 0));
    LossFunction<Tensor> generatorLoss = real -> against(discriminator.forward(made.get()), 1);
    int[] step = {0};

    assertSweptAsTrained(
        finder ->
            finder.find(
                SweepTask.of(
                    List.of(
                        OptimizedLoss.sweeping(discriminator, discriminatorAdam, discriminatorLoss),
                        OptimizedLoss.sweeping(generator, generatorAdam, generatorLoss)),
                    points)),
        () ->
            List.of(
                ModelState.of(generator, generatorAdam),
                ModelState.of(discriminator, discriminatorAdam)),
        lr -> {
          Tensor real = points.get(step[0]++ % points.size());
          discriminatorAdam.param_groups().get(0).options().set_lr(lr);
          generatorAdam.param_groups().get(0).options().set_lr(lr);
          discriminatorAdam.zero_grad();
          Tensor first = discriminatorLoss.loss(real);
          first.backward();
          discriminatorAdam.step();
          generatorAdam.zero_grad();
          Tensor second = generatorLoss.loss(real);
          second.backward();
          generatorAdam.step();
          return first.item_double() + second.item_double();
        });
  }

  private static Tensor against(Tensor scores, double label) {
    return torch.binary_cross_entropy_with_logits(
        scores, torch.full_like(scores, new Scalar(label)));
  }

  private static Tensor inDouble(Tensor tensor) {
    return Models.keep(tensor.to(ScalarType.Double));
  }
}

package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.bytedeco.pytorch.EmbeddingImpl;
import org.bytedeco.pytorch.EmbeddingOptions;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OptimizerSpec;

/**
 * Parameters and gradients that the fused kernels would read wrongly: each is swept as PyTorch's
 * own optimizer would step it, and restored without touching its neighbours in memory.
 */
class ParameterLayoutTest {
  private static final int STEPS = 15;

  /** A network of some parameters, what else must not change, and its loss. */
  private record Layout(
      Module network, Optimizer optimizer, Function<Batch, Tensor> loss, Tensor... neighbours) {}

  /** The cases. */
  enum Case {
    FROZEN {
      @Override
      Layout make(OptimizerSpec kind) {
        Tensor frozen = parameter(3, 4).requires_grad_(false);
        Tensor weight = parameter(3, 4);
        return layout(
            kind, batch -> weight.mul(frozen).sub(new Scalar(0.5)).square().sum(), frozen, weight);
      }
    },
    TIED {
      @Override
      Layout make(OptimizerSpec kind) {
        Tensor weight = parameter(4, 4);
        Module network = Models.keep(new Module("tied"));
        network.register_parameter("encoder", weight);
        network.register_parameter("decoder", weight);
        Optimizer optimizer = kind.over(Models.vector(weight));
        return new Layout(
            network,
            optimizer,
            batch ->
                weight
                    .matmul(weight.t())
                    .sub(torch.ones(4, 4).to(ScalarType.Double))
                    .square()
                    .mean());
      }
    },
    STRIDED_VIEW {
      @Override
      Layout make(OptimizerSpec kind) {
        Tensor base = Models.keep(torch.randn(4, 6).to(ScalarType.Double));
        Tensor view =
            Models.keep(
                base.slice(1, longOptional(0), longOptional(6), 2).detach().requires_grad_(true));
        Tensor neighbours = Models.keep(base.slice(1, longOptional(1), longOptional(6), 2));
        return layout(
            kind,
            batch -> view.sub(new Scalar(1.0)).square().sum(),
            new Tensor[] {neighbours},
            view);
      }
    },
    TRANSPOSED_GRADIENT {
      @Override
      Layout make(OptimizerSpec kind) {
        Tensor weight = parameter(3, 5);
        Tensor scale = Models.keep(torch.randn(5, 3).to(ScalarType.Double));
        return layout(
            kind, batch -> weight.t().mul(scale).sub(new Scalar(0.5)).square().sum(), weight);
      }
    },
    EXPANDED_GRADIENT {
      @Override
      Layout make(OptimizerSpec kind) {
        Tensor weight = parameter(3, 5);
        Tensor bias = parameter(5);
        // The gradient of a sum is one number, expanded.
        return layout(kind, batch -> weight.sum().add(bias.sum()), weight, bias);
      }
    },
    WITHOUT_GRADIENT_AT_TIMES {
      @Override
      Layout make(OptimizerSpec kind) {
        Tensor always = parameter(4);
        Tensor sometimes = parameter(4);
        Tensor never = parameter(4);
        int[] calls = {0};
        return layout(
            kind,
            batch -> {
              Tensor loss = always.sub(new Scalar(1.0)).square().sum();
              return calls[0]++ % 3 == 1
                  ? loss.add(sometimes.sub(new Scalar(2.0)).square().sum())
                  : loss;
            },
            always,
            sometimes,
            never);
      }
    },
    SPARSE_GRADIENT {
      @Override
      Layout make(OptimizerSpec kind) {
        EmbeddingOptions options = new EmbeddingOptions(10, 3);
        options.sparse().put(true);
        EmbeddingImpl embedding = Models.inDouble(Models.keep(new EmbeddingImpl(options)));
        Tensor indices = Models.keep(Tensor.create(1L, 4L, 4L, 7L));
        return new Layout(
            embedding,
            kind.over(embedding),
            batch -> embedding.forward(indices).sub(new Scalar(0.3)).square().sum());
      }
    };

    abstract Layout make(OptimizerSpec kind);
  }

  static Stream<Arguments> cases() {
    return Stream.of(Case.values())
        .flatMap(
            layout ->
                Stream.of(OptimizerSpec.values())
                    // libtorch's other optimizers refuse sparse gradients, with and without a sweep
                    .filter(
                        kind ->
                            layout != Case.SPARSE_GRADIENT
                                || kind == OptimizerSpec.SGD
                                || kind == OptimizerSpec.ADAGRAD)
                    .map(kind -> Arguments.of(layout, kind)));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("cases")
  void sweepsAsTheOptimizerItselfWouldStep(Case layoutCase, OptimizerSpec kind) {
    double[] expected = ownSteps(layoutCase, kind);
    for (EngineChoice engine : EnginesUnderTest.all()) {
      torch.manual_seed(3);
      Layout layout = layoutCase.make(kind);
      ModelState before = ModelState.of(layout.network, layout.optimizer, layout.neighbours);

      LrFinderResult found =
          finder(engine)
              .find(
                  SweepTask.of(
                      layout.network,
                      layout.optimizer,
                      layout.loss::apply,
                      List.of(new Batch(torch.ones(1), torch.ones(1)))));

      double[] losses = found.results().losses();
      assertThat(losses).as(engine.name()).hasSameSizeAs(expected);
      for (int i = 0; i < losses.length; i++) {
        assertThat(losses[i])
            .as("%s, loss %d", engine, i)
            .isCloseTo(expected[i], within(1e-11 * Math.max(Math.abs(expected[i]), 1)));
      }
      before.assertUnchangedIn(ModelState.of(layout.network, layout.optimizer, layout.neighbours));
    }
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("cases")
  void restoresAfterAFaultInMidSweep(Case layoutCase, OptimizerSpec kind) {
    for (EngineChoice engine : EnginesUnderTest.all()) {
      Layout layout = layoutCase.make(kind);
      layout
          .loss
          .apply(new Batch(torch.ones(1), torch.ones(1)))
          .backward(); // gradients of the user's own
      ModelState before = ModelState.of(layout.network, layout.optimizer, layout.neighbours);
      IllegalStateException fault = new IllegalStateException("at step 5");

      assertThatThrownBy(
              () ->
                  finder(engine)
                      .find(
                          SweepTask.of(
                              layout.network,
                              layout.optimizer,
                              layout.loss::apply,
                              failingAfter(5, fault))))
          .isSameAs(fault);

      before.assertUnchangedIn(ModelState.of(layout.network, layout.optimizer, layout.neighbours));
    }
  }

  private static Iterable<Batch> failingAfter(int batches, RuntimeException fault) {
    return () ->
        Stream.iterate(0, i -> i + 1)
            .map(
                i -> {
                  if (i == batches) {
                    throw fault;
                  }
                  return new Batch(torch.ones(1), torch.ones(1));
                })
            .iterator();
  }

  /** The sweep's losses, by the optimizer's own steps. */
  private static double[] ownSteps(Case layoutCase, OptimizerSpec kind) {
    torch.manual_seed(3);
    Layout layout = layoutCase.make(kind);
    LrFinder finder = finder(EngineChoice.PORTABLE);
    List<Double> losses = new ArrayList<>();
    for (int i = 0; i < STEPS; i++) {
      layout.optimizer.param_groups().get(0).options().set_lr(finder.settings().rate(i));
      layout.optimizer.zero_grad();
      Tensor loss = layout.loss.apply(new Batch(torch.ones(1), torch.ones(1)));
      losses.add(loss.item_double());
      loss.backward();
      layout.optimizer.step();
    }
    return losses.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private static LrFinder finder(EngineChoice engine) {
    return LrFinder.builder()
        .engine(engine)
        .minLr(1e-3)
        .maxLr(0.1)
        .steps(STEPS)
        .noEarlyStop()
        .build();
  }

  private static Tensor parameter(long... sizes) {
    GradMode.set_enabled(false);
    Tensor values = Models.keep(torch.randn(sizes).to(ScalarType.Double));
    GradMode.set_enabled(true);
    return values.requires_grad_(true);
  }

  private static LongOptional longOptional(long value) {
    return new LongOptional(value);
  }

  private static Layout layout(
      OptimizerSpec kind, Function<Batch, Tensor> loss, Tensor... parameters) {
    return layout(kind, loss, new Tensor[0], parameters);
  }

  private static Layout layout(
      OptimizerSpec kind, Function<Batch, Tensor> loss, Tensor[] neighbours, Tensor... parameters) {
    Module network = Models.keep(new Module("layout"));
    for (int i = 0; i < parameters.length; i++) {
      network.register_parameter("p" + i, parameters[i], parameters[i].requires_grad());
    }
    return new Layout(network, kind.over(Models.vector(parameters)), loss, neighbours);
  }
}

package org.lrfinder.cli;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.TensorVector;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.models.OptimizerKind;
import picocli.CommandLine.Option;

/** Options of {@code find}: the optimizer. */
final class OptimizerChoice {
  private static final double OWN_RATE = 1e-3; // which a sweep does not use
  private static final String SHARE = "at least 0 and less than 1";

  @Option(
      names = "--optimizer",
      paramLabel = "NAME",
      description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}")
  private OptimizerKind optimizer = OptimizerKind.ADAMW;

  @Option(
      names = "--weight-decay",
      paramLabel = "NUMBER",
      description = "Of any optimizer. Default: PyTorch's, 1e-2 for adamw, else 0")
  private @Nullable Double weightDecay;

  @Option(
      names = "--momentum",
      paramLabel = "NUMBER",
      description = "Of sgd and rmsprop. Default: 0; momentum is sgd with 0.9")
  private @Nullable Double momentum;

  @Option(names = "--nesterov", description = "Nesterov's momentum, of sgd and momentum.")
  private boolean nesterov;

  @Option(
      names = "--betas",
      split = ",",
      paramLabel = "B1,B2",
      hideParamSyntax = true,
      description = "Of adam and adamw. Default: 0.9,0.999")
  private @Nullable List<Double> betas;

  @Option(
      names = "--eps",
      paramLabel = "NUMBER",
      description = "Of all but sgd. Default: PyTorch's, 1e-10 for adagrad, else 1e-8")
  private @Nullable Double eps;

  /**
   * Makes the optimizer.
   *
   * @param compared options that replace those of the command line, by PyTorch's names
   * @throws InputException if one is out of its range, or the optimizer has no such option
   */
  Optimizer over(TensorVector parameters, Map<String, Double> compared) {
    requireRanges();
    Map<String, Object> options = new HashMap<>();
    put(options, "weight_decay", weightDecay);
    put(options, "momentum", momentum);
    put(options, "nesterov", nesterov ? true : null);
    put(options, "betas", betas);
    put(options, "eps", eps);
    options.putAll(compared);
    boolean still =
        Double.valueOf(0).equals(options.get("momentum"))
            || (optimizer == OptimizerKind.SGD && !options.containsKey("momentum"));
    if (nesterov && still) {
      throw new InputException("--nesterov needs a momentum: --momentum 0.9, say");
    }
    return InputException.ifRefused(() -> optimizer.over(parameters, OWN_RATE, options));
  }

  private static void put(Map<String, Object> options, String name, @Nullable Object value) {
    if (value != null) {
      options.put(name, value);
    }
  }

  private void requireRanges() {
    require(weightDecay == null || weightDecay >= 0, "--weight-decay", weightDecay, "at least 0");
    require(momentum == null || isShare(momentum), "--momentum", momentum, SHARE);
    require(
        betas == null || (betas.size() == 2 && betas.stream().allMatch(OptimizerChoice::isShare)),
        "--betas",
        betas,
        "two numbers, each " + SHARE);
    require(eps == null || eps >= 0, "--eps", eps, "at least 0");
  }

  private static boolean isShare(double value) {
    return value >= 0 && value < 1;
  }

  private static void require(
      boolean holds, String option, @Nullable Object value, String allowed) {
    if (!holds) {
      throw new InputException("%s is %s, but must be %s".formatted(option, value, allowed));
    }
  }
}

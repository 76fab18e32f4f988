package org.lrfinder.cli;

import java.util.Locale;
import java.util.Map;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.Adagrad;
import org.bytedeco.pytorch.AdagradOptions;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.RMSprop;
import org.bytedeco.pytorch.RMSpropOptions;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.jspecify.annotations.Nullable;

/** Optimizers of the command line, with PyTorch's defaults. */
enum OptimizerKind {
  SGD,
  MOMENTUM,
  ADAM,
  ADAMW,
  ADAGRAD,
  RMSPROP;

  private static final double MOMENTUM_FACTOR = 0.9;

  Optimizer over(Module network, double lr) {
    return over(network, lr, Map.of());
  }

  /**
   * With options other than PyTorch's defaults; throws IllegalArgumentException if it has none
   * such.
   */
  Optimizer over(Module network, double lr, Map<Setting.Kind, Double> settings) {
    Double decay = settings.get(Setting.Kind.WEIGHT_DECAY);
    Double momentum = settings.get(Setting.Kind.MOMENTUM);
    if (momentum != null && this != SGD && this != MOMENTUM && this != RMSPROP) {
      throw new IllegalArgumentException(name().toLowerCase(Locale.ROOT) + " has no momentum");
    }
    return switch (this) {
      case SGD, MOMENTUM -> {
        SGDOptions options = new SGDOptions(lr);
        put(options.momentum(), this == MOMENTUM ? (Double) MOMENTUM_FACTOR : null);
        put(options.momentum(), momentum);
        put(options.weight_decay(), decay);
        yield new SGD(network.parameters(), options);
      }
      case ADAM -> {
        AdamOptions options = new AdamOptions(lr);
        put(options.weight_decay(), decay);
        yield new Adam(network.parameters(), options);
      }
      case ADAMW -> {
        AdamWOptions options = new AdamWOptions(lr);
        put(options.weight_decay(), decay);
        yield new AdamW(network.parameters(), options);
      }
      case ADAGRAD -> {
        AdagradOptions options = new AdagradOptions(lr);
        put(options.weight_decay(), decay);
        yield new Adagrad(network.parameters(), options);
      }
      case RMSPROP -> {
        RMSpropOptions options = new RMSpropOptions(lr);
        put(options.momentum(), momentum);
        put(options.weight_decay(), decay);
        yield new RMSprop(network.parameters(), options);
      }
    };
  }

  private static void put(DoublePointer option, @Nullable Double value) {
    if (value != null) {
      option.put(value);
    }
  }
}

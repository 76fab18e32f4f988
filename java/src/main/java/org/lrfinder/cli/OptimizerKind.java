package org.lrfinder.cli;

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
    return switch (this) {
      case SGD -> new SGD(network.parameters(), new SGDOptions(lr));
      case MOMENTUM -> {
        SGDOptions options = new SGDOptions(lr);
        options.momentum().put(MOMENTUM_FACTOR);
        yield new SGD(network.parameters(), options);
      }
      case ADAM -> new Adam(network.parameters(), new AdamOptions(lr));
      case ADAMW -> new AdamW(network.parameters(), new AdamWOptions(lr));
      case ADAGRAD -> new Adagrad(network.parameters(), new AdagradOptions(lr));
      case RMSPROP -> new RMSprop(network.parameters(), new RMSpropOptions(lr));
    };
  }
}

package org.lrfinder.sweep;

/**
 * Losses that the engines compute themselves, averaged over the batch, with the defaults of the
 * functionals of the same names in {@code torch.nn.functional}; {@link #KL_DIVERGENCE} says where
 * it differs.
 */
public enum Loss {
  // In the order of lrfinder::Loss, whose numbers cross to the native core.
  /**
   * Cross entropy of unnormalised class scores {@code [n, classes]} with class indices {@code [n]},
   * or class probabilities.
   */
  CROSS_ENTROPY,
  /** Mean squared error; output and target of the same shape. */
  MSE,
  /** Mean absolute error; output and target of the same shape. */
  L1,
  /** Smooth L1 with beta 1: squared below, absolute above; output and target of the same shape. */
  SMOOTH_L1,
  /** Huber loss with delta 1; output and target of the same shape. */
  HUBER,
  /**
   * Binary cross entropy of unnormalised scores with probabilities; output and target of the same
   * shape.
   */
  BINARY_CROSS_ENTROPY_WITH_LOGITS,
  /**
   * Negative log likelihood of log probabilities {@code [n, classes]} with class indices {@code
   * [n]}.
   */
  NEGATIVE_LOG_LIKELIHOOD,
  /**
   * Kullback-Leibler divergence of log probabilities from target probabilities of the same shape:
   * the sum divided by the number of examples, PyTorch's {@code reduction="batchmean"}. Its
   * functional's default, the mean over every element, is no divergence.
   */
  KL_DIVERGENCE
}

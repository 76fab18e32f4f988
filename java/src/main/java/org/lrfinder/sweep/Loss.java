package org.lrfinder.sweep;

/**
 * Losses that the engines compute themselves, averaged over the batch, with the defaults of the
 * functionals of the same names in {@code torch.nn.functional}.
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
  SMOOTH_L1
}

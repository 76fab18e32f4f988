package org.lrfinder.sweep;

/** In which type forward passes compute. */
public enum Precision {
  // In the order of lrfinder::Precision, whose numbers cross to the native core.
  /** In the parameters' own type, whichever that is; no autocast. */
  AS_PARAMETERS,
  /**
   * Autocast to bfloat16 of what libtorch considers safe, such as matrix products: parameters,
   * gradients and losses keep their types. On small networks on the CPU it is slower than {@link
   * #AS_PARAMETERS}.
   */
  BFLOAT16
}

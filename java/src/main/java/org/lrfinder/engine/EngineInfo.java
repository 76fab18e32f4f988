package org.lrfinder.engine;

/**
 * What a sweep was computed by.
 *
 * @param engine {@code native}, {@code portable}, or {@code step function} where the caller
 *     computed the steps
 * @param device where the parameters are, as libtorch names it, such as {@code cpu} or {@code
 *     cuda:0}; empty for a step function
 * @param threads libtorch's threads on the CPU during the sweep; 0 for a step function
 * @param blas library that multiplied matrices on the CPU: {@code OpenBLAS}, {@code MKL}, {@code
 *     unknown}; empty for a step function
 * @param libtorch version of the libtorch in use; empty for a step function
 */
public record EngineInfo(String engine, String device, int threads, String blas, String libtorch) {
  /** {@return the info of sweeps whose steps the caller computes} */
  public static EngineInfo ofStepFunction() {
    return new EngineInfo("step function", "", 0, "", "");
  }
}

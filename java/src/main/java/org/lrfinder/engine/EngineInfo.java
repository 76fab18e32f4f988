package org.lrfinder.engine;

import org.bytedeco.pytorch.global.torch;
import org.lrfinder.internal.nativecore.NativeCore;

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

  static EngineInfo of(String engine, String device) {
    return new EngineInfo(
        engine,
        device,
        torch.get_num_threads(),
        Blas.inUse().words(),
        NativeCore.libtorchVersion());
  }
}

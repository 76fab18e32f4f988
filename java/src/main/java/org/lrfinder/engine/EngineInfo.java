package org.lrfinder.engine;

import java.util.Optional;

/**
 * What a sweep or a training was computed by.
 *
 * @param engine {@code native}, {@code portable}, or {@code step function} where the caller
 *     computed the steps
 * @param engineReason why it was the portable engine though it was not asked for, in words: what
 *     kept the native one from being used; empty if there is none
 * @param device where the parameters are, as libtorch names it, such as {@code cpu} or {@code
 *     cuda:0}; empty for a step function
 * @param threads libtorch's threads on the CPU during the sweep; 0 for a step function
 * @param blas library that multiplied matrices on the CPU: {@code OpenBLAS}, {@code MKL}, {@code
 *     unknown}; empty for a step function
 * @param libtorch version of the libtorch in use; empty for a step function
 * @param path how losses came from the device: {@code immediate} where each step's was read in that
 *     step, {@code late} where the host did not wait for them, {@code graph} where steps were
 *     replayed as a CUDA graph besides; empty for a step function
 * @param pathReason why it was not a faster one, in words; empty if there is none
 * @param hardware what the device is; empty on the CPU, and where it could not be asked
 */
public record EngineInfo(
    String engine,
    Optional<String> engineReason,
    String device,
    int threads,
    String blas,
    String libtorch,
    String path,
    Optional<String> pathReason,
    Optional<DeviceInfo> hardware) {
  /** {@return the info of sweeps whose steps the caller computes} */
  public static EngineInfo ofStepFunction() {
    return new EngineInfo(
        "step function", Optional.empty(), "", 0, "", "", "", Optional.empty(), Optional.empty());
  }

  /**
   * Says it in short.
   *
   * @return engine and device, such as {@code native engine, cuda:0 (NVIDIA H200)} or {@code
   *     portable engine in place of the native one, cpu}
   */
  public String words() {
    if (device.isEmpty()) {
      return engine;
    }
    return "%s engine%s, %s%s"
        .formatted(
            engine,
            engineReason.isPresent() ? " in place of the native one" : "",
            device,
            hardware.map(found -> " (" + found.name() + ")").orElse(""));
  }
}

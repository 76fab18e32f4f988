package org.lrfinder.engine;

import java.util.Locale;

/**
 * An accelerator, as its driver describes it.
 *
 * @param name such as {@code NVIDIA H200}
 * @param driver version of the driver, such as {@code 570.86.15}; empty if it is not known
 * @param computeCapability such as {@code 9.0}
 * @param freeBytes memory of the device that was free when it was asked, at a sweep's or an epoch's
 *     begin; what libtorch keeps for later is not free in this sense
 * @param totalBytes memory of the device
 */
public record DeviceInfo(
    String name, String driver, String computeCapability, long freeBytes, long totalBytes) {
  private static final double GIBIBYTE = 1 << 30;

  /**
   * Says it in one line.
   *
   * @return such as {@code NVIDIA H200, compute capability 9.0, driver 570.86, 138.2 of 139.8 GiB
   *     free}
   */
  public String words() {
    return String.format(
        Locale.ROOT,
        "%s, compute capability %s, driver %s, %.1f of %.1f GiB free",
        name,
        computeCapability,
        driver.isEmpty() ? "unknown" : driver,
        freeBytes / GIBIBYTE,
        totalBytes / GIBIBYTE);
  }
}

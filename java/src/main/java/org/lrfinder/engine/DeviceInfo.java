package org.lrfinder.engine;

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
    String name, String driver, String computeCapability, long freeBytes, long totalBytes) {}

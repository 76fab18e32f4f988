package org.lrfinder.internal.engine;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.engine.DeviceInfo;
import org.lrfinder.internal.nativecore.NativeCore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Devices by the names that libtorch has for them. */
public final class Devices {
  private static final Logger LOG = LoggerFactory.getLogger(Devices.class);
  private static final AtomicBoolean SAID = new AtomicBoolean();
  private static final Pattern NAME = Pattern.compile("cpu|cuda(:\\d{1,3})?");
  private static final Path DRIVER = Path.of("/proc/driver/nvidia/version");

  private Devices() {}

  /**
   * Refuses what names no device that models and batches can be moved to.
   *
   * @return the name
   * @throws IllegalArgumentException if it is another
   */
  public static String requireName(String device) {
    if (!NAME.matcher(device).matches()) {
      throw new IllegalArgumentException(
          "device is " + device + ", but must be cpu, cuda or cuda:N");
    }
    return device;
  }

  /**
   * Refuses a device that is not there.
   *
   * @throws IllegalArgumentException the message says why it is not
   */
  public static void requirePresent(String device) {
    if (device.equals("cpu")) {
      return;
    }
    int count = torch.cuda_device_count();
    if (count == 0) {
      throw new IllegalArgumentException(
          "device is %s, but libtorch finds no CUDA device: %s".formatted(device, absence()));
    }
    if (index(device) >= count) {
      throw new IllegalArgumentException(
          "device is %s, but there %s"
              .formatted(
                  device,
                  count == 1
                      ? "is only cuda:0"
                      : "are only cuda:0 to cuda:%d".formatted(count - 1)));
    }
  }

  private static int index(String device) {
    int colon = device.indexOf(':');
    return colon < 0 ? 0 : Integer.parseInt(device.substring(colon + 1));
  }

  private static String absence() {
    if (!hasCuda()) {
      return "libtorch %s, as it is loaded, was built without CUDA; use org.bytedeco:pytorch-platform-gpu"
          .formatted(NativeCore.libtorchVersion());
    }
    if (!Files.exists(DRIVER)) {
      return "there is no NVIDIA driver on this machine";
    }
    return CudaDevices.find().problem().orElse("the driver shows none");
  }

  private static boolean hasCuda() {
    try (BytePointer config = torch.show_config()) {
      return Pattern.compile("USE_CUDA=(ON|1)\\b").matcher(config.getString()).find();
    }
  }

  /** {@return a device of libtorch's, to be closed} */
  public static Device of(String name) {
    return new Device(name);
  }

  /**
   * {@return what is known of a device; empty for the CPU, and where it cannot be asked} That is
   * logged the first time.
   */
  static Optional<DeviceInfo> info(String device) {
    if (!device.startsWith("cuda")) {
      return Optional.empty();
    }
    CudaDevices devices = CudaDevices.find();
    devices
        .problem()
        .filter(problem -> SAID.compareAndSet(false, true))
        .ifPresent(problem -> LOG.info("Nothing more is known of {}: {}", device, problem));
    return devices.info(index(device));
  }

  /**
   * Asks how much memory of a device is free. If it is less than what is needed, what libtorch
   * keeps for later is freed first.
   *
   * @return empty where that cannot be known
   */
  static OptionalLong freeBytes(String device, long needed) {
    OptionalLong free = freeBytes(device);
    if (free.isEmpty() || free.getAsLong() >= needed) {
      return free;
    }
    return CudaDevices.find().trim() ? freeBytes(device) : OptionalLong.empty();
  }

  private static OptionalLong freeBytes(String device) {
    return info(device).stream().mapToLong(DeviceInfo::freeBytes).findFirst();
  }
}

package org.lrfinder.internal.engine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.bytedeco.cuda.cudart.cudaDeviceProp;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nvml;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.global.torch_cuda;
import org.jspecify.annotations.Nullable;
import org.lrfinder.engine.DeviceInfo;

/**
 * The JavaCPP presets for CUDA, an optional dependency: the one class that names theirs. The
 * runtime tells the devices, the management library the driver's version.
 */
final class CudaPresets implements CudaDevices {
  private static final String GROUP = "org.bytedeco";

  private final Optional<String> problem;
  private final String driver;

  private CudaPresets() {
    int[] count = new int[1];
    int error = cudart.cudaGetDeviceCount(count);
    problem = error == 0 ? Optional.empty() : Optional.of(words(error));
    driver = error == 0 ? driverVersion() : "";
  }

  /**
   * Loads the presets.
   *
   * @throws LinkageError if they are not there, of another version, or do not load
   */
  static CudaDevices load() {
    Class<?> first = cudart.class; // not initialized by this, but looked for
    String mismatch = mismatch();
    return mismatch == null ? new CudaPresets() : CudaDevices.unknown(mismatch);
  }

  /** Presets of another JavaCPP would load and fail somewhere. */
  private static @Nullable String mismatch() {
    try {
      String javacpp = Loader.getVersion();
      String cuda = Loader.getVersion(GROUP, "cuda");
      return cuda.endsWith("-" + javacpp)
          ? null
          : "the presets for CUDA are %s, but JavaCPP is %s: use org.bytedeco:cuda of a version that ends in -%s"
              .formatted(cuda, javacpp, javacpp);
    } catch (IOException | RuntimeException e) {
      return null; // repackaged without Maven's properties
    }
  }

  @Override
  public Optional<DeviceInfo> info(int index) {
    if (problem.isPresent()) {
      return Optional.empty();
    }
    int[] present = new int[1];
    try (PointerScope scope = new PointerScope()) {
      cudaDeviceProp properties = new cudaDeviceProp();
      SizeTPointer free = new SizeTPointer(1);
      SizeTPointer total = new SizeTPointer(1);
      if (cudart.cudaGetDeviceProperties(properties, index) != 0
          || cudart.cudaGetDevice(present) != 0) {
        return Optional.empty();
      }
      int error = 0;
      if (present[0] != index) {
        error = cudart.cudaSetDevice(index);
      }
      if (error == 0) {
        error = cudart.cudaMemGetInfo(free, total);
      }
      if (present[0] != index) {
        cudart.cudaSetDevice(present[0]);
      }
      return error != 0
          ? Optional.empty()
          : Optional.of(
              new DeviceInfo(
                  properties.name().getString(),
                  driver,
                  properties.major() + "." + properties.minor(),
                  free.get(),
                  total.get()));
    }
  }

  @Override
  public boolean trim() {
    try {
      torch_cuda.getAllocator().emptyCache();
      return true;
    } catch (LinkageError e) { // a libtorch with CUDA that is not of the presets
      return false;
    }
  }

  @Override
  public Optional<String> problem() {
    return problem;
  }

  private static String words(int error) {
    try (BytePointer words = cudart.cudaGetErrorString(error)) {
      return words.getString();
    }
  }

  /** Empty if the management library is not there. */
  private static String driverVersion() {
    byte[] version = new byte[nvml.NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE];
    try {
      if (nvml.nvmlInit_v2() != nvml.NVML_SUCCESS) {
        return "";
      }
      int error = nvml.nvmlSystemGetDriverVersion(version, version.length);
      nvml.nvmlShutdown();
      int length = 0;
      while (length < version.length && version[length] != 0) {
        length++;
      }
      return error == nvml.NVML_SUCCESS
          ? new String(version, 0, length, StandardCharsets.US_ASCII)
          : "";
    } catch (LinkageError e) {
      return "";
    }
  }
}

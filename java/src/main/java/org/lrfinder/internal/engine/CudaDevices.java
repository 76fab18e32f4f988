package org.lrfinder.internal.engine;

import java.util.Optional;
import org.lrfinder.engine.DeviceInfo;

/** What CUDA itself says of its devices. Thread-safe. */
interface CudaDevices {
  /**
   * {@return what is known of a device; empty if it could not be asked}
   *
   * @param index CUDA's, which libtorch has in its names
   */
  Optional<DeviceInfo> info(int index);

  /**
   * Gives back the memory that libtorch keeps for later.
   *
   * @return whether that could be done
   */
  boolean trim();

  /** {@return why devices cannot be asked, or that there is none; empty if they can} */
  Optional<String> problem();

  /** {@return the presets for CUDA, if they are there and load} Looked for once. */
  static CudaDevices find() {
    return Found.DEVICES;
  }

  /** {@return devices of which nothing is known} */
  static CudaDevices unknown(String problem) {
    return new CudaDevices() {
      @Override
      public Optional<DeviceInfo> info(int index) {
        return Optional.empty();
      }

      @Override
      public boolean trim() {
        return false;
      }

      @Override
      public Optional<String> problem() {
        return Optional.of(problem);
      }
    };
  }

  /** The one attempt. */
  final class Found {
    private static final CudaDevices DEVICES = attempt();

    private Found() {}

    private static CudaDevices attempt() {
      try {
        return CudaPresets.load();
      } catch (NoClassDefFoundError e) {
        return unknown(
            "the presets for CUDA (org.bytedeco:cuda) are not on the class path, or not whole");
      } catch (LinkageError e) { // of the libraries, or of another version
        String message = String.valueOf(e.getMessage());
        return unknown(
            "the presets for CUDA (org.bytedeco:cuda) do not load: "
                + message.lines().findFirst().orElse(message));
      }
    }
  }
}

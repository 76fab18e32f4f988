package org.lrfinder.internal.engine;

import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.sweep.Precision;

/**
 * A region of autocast on this thread; its cache ends with it, since a cast that outlived an update
 * would be stale. For {@link Precision#AS_PARAMETERS} it does nothing.
 */
public final class Autocast implements AutoCloseable {
  private static final Autocast NONE = new Autocast();

  private final boolean active;
  private final DeviceType device;
  private final boolean enabled;
  private final ScalarType type;

  private Autocast() {
    active = false;
    device = DeviceType.CPU;
    enabled = false;
    type = ScalarType.BFloat16;
  }

  private Autocast(DeviceType device) {
    active = true;
    this.device = device;
    enabled = torch.is_autocast_enabled(device);
    type = torch.get_autocast_dtype(device);
    torch.set_autocast_enabled(device, true);
    torch.set_autocast_dtype(device, ScalarType.BFloat16);
  }

  /**
   * Opens a region.
   *
   * @param precision of the region
   * @param device as libtorch names it: {@code cpu}, {@code cuda:0}
   */
  static Autocast of(Precision precision, String device) {
    return precision == Precision.AS_PARAMETERS
        ? NONE
        : new Autocast(device.startsWith("cuda") ? DeviceType.CUDA : DeviceType.CPU);
  }

  @Override
  public void close() {
    if (active) {
      torch.clear_cache();
      torch.set_autocast_dtype(device, type);
      torch.set_autocast_enabled(device, enabled);
    }
  }
}

package org.lrfinder.internal.engine;

import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.Precision;

/**
 * A region of autocast on this thread; its cache ends with it, since a cast that outlived an update
 * would be stale. For {@link Precision#AS_PARAMETERS} it does nothing.
 */
public final class Autocast implements AutoCloseable {
  private static final Autocast NONE = new Autocast(null, false, ScalarType.BFloat16);

  private final @Nullable DeviceType device; // null where nothing was changed
  private final boolean enabled; // before
  private final ScalarType type; // before

  private Autocast(@Nullable DeviceType device, boolean enabled, ScalarType type) {
    this.device = device;
    this.enabled = enabled;
    this.type = type;
  }

  /**
   * Opens a region.
   *
   * @param device as libtorch names it: {@code cpu}, {@code cuda:0}
   */
  static Autocast of(Precision precision, String device) {
    if (precision == Precision.AS_PARAMETERS) {
      return NONE;
    }
    DeviceType on = device.startsWith("cuda") ? DeviceType.CUDA : DeviceType.CPU;
    Autocast region = new Autocast(on, torch.is_autocast_enabled(on), torch.get_autocast_dtype(on));
    torch.set_autocast_enabled(on, true);
    torch.set_autocast_dtype(on, ScalarType.BFloat16);
    return region;
  }

  @Override
  public void close() {
    if (device != null) {
      torch.clear_cache();
      torch.set_autocast_dtype(device, type);
      torch.set_autocast_enabled(device, enabled);
    }
  }
}

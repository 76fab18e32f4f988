package org.lrfinder.internal.nativecore;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.ClassProperties;
import org.bytedeco.javacpp.LoadEnabled;
import org.bytedeco.javacpp.annotation.Platform;
import org.bytedeco.javacpp.annotation.Properties;
import org.bytedeco.pytorch.presets.torch;

/**
 * Tells JavaCPP how to generate and load the JNI library: it continues the presets for PyTorch, so
 * that their Tensors, Modules and Optimizers can be handed over as they are.
 */
@Properties(
    inherit = torch.class,
    value = @Platform(value = "linux-x86_64", library = LrFinderPreset.LIBRARY))
public class LrFinderPreset implements LoadEnabled {
  static final String LIBRARY = "jnilrfinder";

  /** Called by JavaCPP. */
  public LrFinderPreset() {}

  @Override
  public void init(ClassProperties properties) {
    // The inherited presets list headers of their own, some of which are in no wheel.
    properties.put(
        "platform.include",
        new ArrayList<>(
            List.of(
                "torch/csrc/distributed/c10d/Backend.hpp",
                "lrfinder/error.h",
                "lrfinder/output_to_error.h",
                "lrfinder/process_group.h",
                "lrfinder/row_batches.h",
                "lrfinder/sweep.h",
                "lrfinder/training.h")));
  }
}

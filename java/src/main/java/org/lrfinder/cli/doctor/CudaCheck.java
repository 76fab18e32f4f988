package org.lrfinder.cli.doctor;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Devices: whether there are any, whether libtorch can use them, and by which way losses come. */
final class CudaCheck {
  private static final String DRIVER = "/proc/driver/nvidia/version";

  private CudaCheck() {}

  static Section examine(Trial trial) {
    Trial.Ended sweep = trial.of(Step.CUDA);
    Optional<String> driver = Kernel.find(DRIVER, "^NVRM version: (.*)$");
    Map<String, Object> seen = new LinkedHashMap<>(sweep.seen());
    List.of("libtorch", "blas", "file", "warnings").forEach(seen::remove);
    Section.Builder section =
        Section.of("cuda").fact("kernel_driver", driver.orElse(null)).facts(seen);
    sweep
        .failure()
        .ifPresent(
            words ->
                section
                    .fact("failure", words)
                    .find(
                        Finding.broken(
                            "cuda",
                            "a sweep on the device does not work: " + words,
                            Cure.words("see gpu.md in lrfinder's documentation"))));
    if (Boolean.FALSE.equals(seen.get("right"))) {
      section.find(
          Finding.broken(
              "wrong-losses",
              "the device computes losses that differ by a factor of %s from the known ones, more than rounding explains"
                  .formatted(seen.get("largest_difference")),
              Cure.words("test this device, and report it if it is sound")));
    }
    if (driver.isPresent() && Integer.valueOf(0).equals(seen.get("devices"))) {
      section.find(
          Finding.note(
              "cuda-unused",
              "there is an NVIDIA driver, but %s".formatted(seen.get("problem")),
              new Cure(
                  "to use it, have in pom.xml",
                  List.of(
                      "<dependency><groupId>org.bytedeco</groupId><artifactId>pytorch-platform-gpu</artifactId><version>%s</version></dependency>"
                          .formatted(Library.PYTORCH.version().orElse("VERSION"))))));
    }
    if (seen.get("path_reason") instanceof String reason) {
      section.find(
          Finding.note(
              "cuda-path",
              "steps on the device could be faster: " + reason,
              Cure.words("see gpu.md in lrfinder's documentation")));
    }
    return section.build();
  }
}

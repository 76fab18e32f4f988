package org.lrfinder.cli.doctor;

import java.util.Map;
import java.util.OptionalLong;

/** What memory there is, and how much of it is left for networks and data. */
final class MemoryCheck {
  private static final long ROOM = 256L << 20; // less is soon too little
  private static final long MOST_SUGGESTED_HEAP = 2L << 30;
  private static final int JAVACPPS_SHARE = 4; // of the heap, is its limit by default

  private MemoryCheck() {}

  static Section examine(Trial trial) {
    OptionalLong machine = Kernel.memory();
    OptionalLong group = Kernel.memoryLimit();
    long heap = Runtime.getRuntime().maxMemory();
    Map<String, Object> seen = trial.of(Step.MEMORY).seen();
    Section.Builder section = Section.of("memory").fact("max_heap_bytes", heap).facts(seen);
    machine.ifPresent(bytes -> section.fact("machine_bytes", bytes));
    group.ifPresent(bytes -> section.fact("container_bytes", bytes));
    if (seen.isEmpty()) {
      return section.build();
    }
    long used = number(seen, "used_bytes");
    long limit = number(seen, "javacpp_max_physical_bytes");
    long most = Math.min(machine.orElse(Long.MAX_VALUE), group.orElse(Long.MAX_VALUE));
    if (most - used < ROOM) {
      section.find(
          Finding.broken(
              "little-memory",
              "this machine or container has %d MiB, and libtorch and Java take %d without any network"
                  .formatted(most >> 20, used >> 20),
              Cure.words("give it more memory: 1 GiB at least")));
    } else if (limit > 0 && limit - used < ROOM) {
      section.find(
          Finding.broken(
              "memory-limit",
              "JavaCPP lets this process have %d MiB, %d times Java's heap, and libtorch and Java take %d without any network"
                  .formatted(limit >> 20, JAVACPPS_SHARE, used >> 20),
              cure(most)));
    }
    return section.build();
  }

  /** By the option that made the limit what it is. */
  private static Cure cure(long most) {
    String limit = "-Dorg.bytedeco.javacpp.maxPhysicalBytes=";
    long heap = Long.highestOneBit(Math.min(most / JAVACPPS_SHARE, MOST_SUGGESTED_HEAP));
    return Jvm.option(limit).isPresent()
        ? Jvm.with(limit + (JAVACPPS_SHARE * heap >> 20) + "m", limit)
        : Jvm.with("-Xmx" + (heap >> 20) + "m", "-Xmx");
  }

  private static long number(Map<String, Object> seen, String key) {
    return ((Number) seen.get(key)).longValue();
  }
}

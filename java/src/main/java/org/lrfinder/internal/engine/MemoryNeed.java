package org.lrfinder.internal.engine;

import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.Tensor;
import org.lrfinder.engine.OutOfMemoryException;

/**
 * The memory of a device, in bytes, that a sweep takes beside the model's own: for the snapshot,
 * the gradients, the private copy of the optimizer's state and, where the optimizer's own step
 * updates, what that takes for a moment. What a batch's forward and backward take is not in it.
 */
record MemoryNeed(long snapshot, long gradients, long optimizerState, long update) {
  private static final String LIMIT = "org.bytedeco.javacpp.maxPhysicalBytes";
  private static final String CPU = "cpu";
  private static final long MEBIBYTE = 1 << 20;

  /**
   * Counts, device by device.
   *
   * @param fused whether fused kernels update, where there is one for the optimizer's class
   */
  static Map<String, MemoryNeed> of(SweepSubject subject, boolean fused) {
    Map<String, MemoryNeed> needs = new TreeMap<>();
    try (PointerScope scope = new PointerScope()) {
      for (Tensor tensor : ModelTensors.byIdentity(ModelTensors.tensors(subject)).values()) {
        needs.merge(device(tensor), new MemoryNeed(bytes(tensor), 0, 0, 0), MemoryNeed::plus);
      }
      for (Optimizer optimizer : subject.optimizers()) {
        SweptOptimizer kind = SweptOptimizer.of(optimizer);
        OptimizerParamGroupVector groups = optimizer.param_groups();
        for (long i = 0; i < groups.size(); i++) {
          OptimizerParamGroup group = groups.get(i);
          long states = kind.statesPerParameter(group);
          for (Tensor parameter : group.params().get()) {
            long bytes = parameter.requires_grad() ? bytes(parameter) : 0;
            boolean ownStep = !(fused && kind.fused) || parameter.element_size() < Float.BYTES;
            long update = ownStep ? bytes * kind.productsOfAStep : 0;
            needs.merge(
                device(parameter),
                new MemoryNeed(0, bytes, bytes * states, update),
                MemoryNeed::plus);
          }
        }
      }
    }
    return needs;
  }

  /** One parameter is updated after the other. */
  private MemoryNeed plus(MemoryNeed other) {
    return new MemoryNeed(
        snapshot + other.snapshot,
        gradients + other.gradients,
        optimizerState + other.optimizerState,
        Math.max(update, other.update));
  }

  private static String device(Tensor tensor) {
    return tensor.is_cpu() ? CPU : ModelTensors.deviceOf(tensor);
  }

  /** Of the elements, each once. */
  private static long bytes(Tensor tensor) {
    if (tensor.is_sparse()) {
      return 0;
    }
    long bytes = tensor.element_size();
    for (long d = 0; d < tensor.dim(); d++) {
      bytes *= tensor.stride(d) == 0 ? Math.min(1, tensor.size(d)) : tensor.size(d);
    }
    return bytes;
  }

  long total() {
    return snapshot + gradients + optimizerState + update;
  }

  /**
   * Compares what a sweep needs with what there is, on each device.
   *
   * @throws OutOfMemoryException if it is too little
   */
  static void check(SweepSubject subject, boolean fused) {
    of(subject, fused)
        .forEach(
            (device, need) -> {
              if (device.equals(CPU)) {
                need.checkMainMemory();
              } else {
                need.check(device);
              }
            });
  }

  /** Nothing, where the device cannot be asked. */
  private void check(String device) {
    OptionalLong free = Devices.freeBytes(device, total());
    if (free.isPresent() && free.getAsLong() < total()) {
      throw new OutOfMemoryException(
          "a sweep of this model needs %s more memory on %s (%s), but only %s are free there"
              .formatted(mebibytes(total()), device, words(), mebibytes(free.getAsLong())),
          null);
    }
  }

  /**
   * Compares this with what JavaCPP will let the process have. It looks at the process's resident
   * memory whenever a native object is made, and throws an {@link OutOfMemoryError} over its limit.
   *
   * @throws OutOfMemoryException if a sweep would get over the limit
   */
  void checkMainMemory() {
    // JavaCPP's own switch: without it nothing is counted and nothing thrown.
    String unlimited = System.getProperty("org.bytedeco.javacpp.noPointerGC", "false");
    if (unlimited.isEmpty() || unlimited.toLowerCase(Locale.ROOT).startsWith("t")) {
      return;
    }
    long limit = Pointer.maxPhysicalBytes();
    if (limit <= 0 || Pointer.physicalBytes() + total() <= limit) {
      return;
    }
    // As JavaCPP does before it gives up: what is free again but still resident counts too.
    System.gc();
    Pointer.deallocateReferences();
    Pointer.trimMemory();
    long inUse = Pointer.physicalBytes();
    if (inUse + total() > limit) {
      throw new OutOfMemoryException(
          ("a sweep of this model needs %s more memory (%s), and %s are in use; JavaCPP's limit is %s: raise it by the system"
                  + " property %s, such as -D%s=%dm (0: no limit; default: 4 times -Xmx)")
              .formatted(
                  mebibytes(total()),
                  words(),
                  mebibytes(inUse),
                  mebibytes(limit),
                  LIMIT,
                  LIMIT,
                  2 * (inUse + total()) / MEBIBYTE),
          null);
    }
  }

  private String words() {
    return "snapshot %s, gradients %s, optimizer state %s, update %s"
        .formatted(
            mebibytes(snapshot),
            mebibytes(gradients),
            mebibytes(optimizerState),
            mebibytes(update));
  }

  /** Whether an error of libtorch says that it could not allocate. */
  static boolean isExhausted(String message) {
    return message.contains("can't allocate memory")
        || message.contains("out of memory")
        || message.startsWith("std::bad_alloc");
  }

  /** What a sweep throws when libtorch could not allocate. */
  static OutOfMemoryException exhausted(String message, Throwable cause) {
    return new OutOfMemoryException("libtorch ran out of memory: " + message, cause);
  }

  private static String mebibytes(long bytes) {
    return "%,.1f MiB".formatted((double) bytes / MEBIBYTE);
  }
}

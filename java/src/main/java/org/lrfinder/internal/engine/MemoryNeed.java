package org.lrfinder.internal.engine;

import java.util.Locale;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.Tensor;
import org.lrfinder.engine.OutOfMemoryException;

/**
 * The main memory, in bytes, that a sweep takes beside the model's own: for the snapshot, the
 * gradients, the private copy of the optimizer's state and, where the optimizer's own step updates,
 * what that takes for a moment. What a batch's forward and backward take is not in it, nor is the
 * memory of other devices.
 */
record MemoryNeed(long snapshot, long gradients, long optimizerState, long update) {
  private static final String LIMIT = "org.bytedeco.javacpp.maxPhysicalBytes";
  private static final long MEBIBYTE = 1 << 20;

  /**
   * Counts.
   *
   * @param fused whether fused kernels update, where there is one for the optimizer's class
   */
  static MemoryNeed of(SweepSubject subject, boolean fused) {
    long snapshot = 0;
    long gradients = 0;
    long state = 0;
    long update = 0;
    try (PointerScope scope = new PointerScope()) {
      for (Tensor tensor : ModelTensors.byIdentity(ModelTensors.tensors(subject)).values()) {
        snapshot += bytes(tensor);
      }
      for (Optimizer optimizer : subject.optimizers()) {
        SweptOptimizer kind = SweptOptimizer.of(optimizer);
        OptimizerParamGroupVector groups = optimizer.param_groups();
        for (long i = 0; i < groups.size(); i++) {
          OptimizerParamGroup group = groups.get(i);
          long states = kind.statesPerParameter(group);
          for (Tensor parameter : group.params().get()) {
            long bytes = parameter.requires_grad() ? bytes(parameter) : 0;
            gradients += bytes;
            state += bytes * states;
            if (!(fused && kind.fused) || parameter.element_size() < Float.BYTES) {
              update = Math.max(update, bytes * kind.productsOfAStep);
            }
          }
        }
      }
    }
    return new MemoryNeed(snapshot, gradients, state, update);
  }

  /** Of the elements, each once. */
  private static long bytes(Tensor tensor) {
    if (!tensor.is_cpu() || tensor.is_sparse()) {
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
   * Compares this with what JavaCPP will let the process have. It looks at the process's resident
   * memory whenever a native object is made, and throws an {@link OutOfMemoryError} over its limit.
   *
   * @throws OutOfMemoryException if a sweep would get over the limit
   */
  void check() {
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
          ("a sweep of this model needs %s more memory (snapshot %s, gradients %s, optimizer state"
                  + " %s, update %s), and %s are in use; JavaCPP's limit is %s: raise it by the system"
                  + " property %s, such as -D%s=%dm (0: no limit; default: 4 times -Xmx)")
              .formatted(
                  mebibytes(total()),
                  mebibytes(snapshot),
                  mebibytes(gradients),
                  mebibytes(optimizerState),
                  mebibytes(update),
                  mebibytes(inUse),
                  mebibytes(limit),
                  LIMIT,
                  LIMIT,
                  2 * (inUse + total()) / MEBIBYTE),
          null);
    }
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

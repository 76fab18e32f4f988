package org.lrfinder.internal.engine;

import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.jspecify.annotations.Nullable;

/**
 * What a sweep trains, part by part: one for a usual training, several that take turns in each step
 * for a GAN.
 *
 * @param parts at least one; the network of the first is the one that the engine forwards
 * @param declaredStatic whether the caller promises that it does the same for every batch of a
 *     shape
 */
public record SweepSubject(List<Part> parts, boolean declaredStatic) {
  /**
   * Creates a subject.
   *
   * @throws IllegalArgumentException if an optimizer is of a class that cannot be swept
   */
  public SweepSubject {
    parts = List.copyOf(parts);
    for (Part part : parts) {
      part.optimizers.forEach(SweptOptimizer::of);
    }
  }

  /** {@return a network alone, without an optimizer} */
  public static SweepSubject of(Module network) {
    return new SweepSubject(List.of(new Part(network, null, List.of(), true)), false);
  }

  /**
   * A loss of a network with the optimizers that lower it, each parameter in one of them.
   *
   * @param module forwarded if it is a {@code SequentialImpl}, and restored; null if there is none
   * @param script forwarded and restored; null if there is none
   * @param optimizers read once; never stepped, never written
   * @param recorded whether its loss counts in the curve
   */
  public record Part(
      @Nullable Module module,
      @Nullable JitModule script,
      List<Optimizer> optimizers,
      boolean recorded) {
    /**
     * Creates a part.
     *
     * @throws IllegalArgumentException if one of these was closed
     */
    public Part {
      optimizers = List.copyOf(optimizers);
      requireOpen(module, "network");
      requireOpen(script, "network");
      optimizers.forEach(optimizer -> requireOpen(optimizer, "optimizer"));
    }

    private static void requireOpen(@Nullable Pointer pointer, String name) {
      if (pointer != null && pointer.isNull()) {
        throw new IllegalArgumentException("the " + name + " was closed");
      }
    }
  }

  /** {@return the optimizers of all parts, in the order in which their groups count} */
  public List<Optimizer> optimizers() {
    return parts.stream().flatMap(part -> part.optimizers().stream()).toList();
  }
}

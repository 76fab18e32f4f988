package org.lrfinder.internal.engine;

import java.lang.ref.WeakReference;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Backend;
import org.jspecify.annotations.Nullable;
import org.lrfinder.engine.PeerException;
import org.lrfinder.internal.nativecore.NativeCore;
import org.lrfinder.internal.nativecore.NativeCoreException;
import org.lrfinder.internal.nativecore.NativeProcessGroup;

/**
 * The processes that make the steps of a search or of a training together. All of them make the
 * same calls in the same order. Confined to one thread at a time.
 */
public final class Peers implements AutoCloseable {
  /** What this thread has told the others: it travels up through several that would tell it. */
  private static final ThreadLocal<WeakReference<Throwable>> TOLD =
      ThreadLocal.withInitial(() -> new WeakReference<>(null));

  /** Those of groups in use, by address: all that is done in a group has one in common. */
  private static final Map<Long, Shared> SHARED = new HashMap<>();

  private static final class Shared {
    final NativeProcessGroup core;
    int users;

    Shared(Backend backend) {
      core = new NativeProcessGroup(backend);
      core.retainReference(); // outlives any scope, until its last user is closed
    }
  }

  private final long address;
  private final NativeProcessGroup core;
  private final boolean broadcast;
  private final Supplier<String> diagnosis;

  /**
   * Takes a share in a group.
   *
   * @param broadcast whether parameters are made those of rank 0, not compared
   * @param diagnosis asked once the group failed: which process it was, as words that follow a
   *     message; empty if that is not known
   * @throws IllegalArgumentException if the native engine, which alone can do this, is not there
   * @throws PeerException if the group was closed, or has failed
   */
  public Peers(Backend backend, boolean broadcast, Supplier<String> diagnosis) {
    try {
      NativeCore.load();
    } catch (UnsatisfiedLinkError e) {
      throw new IllegalArgumentException(
          "several processes need the native engine: " + e.getMessage(), e);
    }
    this.broadcast = broadcast;
    this.diagnosis = diagnosis;
    if (backend.isNull()) {
      throw new PeerException("the process group was closed, or has failed: make a new one", null);
    }
    this.address = backend.address();
    synchronized (SHARED) {
      Shared shared = SHARED.computeIfAbsent(address, first -> new Shared(backend));
      shared.users++;
      this.core = shared.core;
    }
  }

  NativeProcessGroup core() {
    return core;
  }

  boolean broadcasts() {
    return broadcast;
  }

  /** {@return what has to be alike, as the core compares it} */
  static String lines(Map<String, ?> settings) {
    return "libtorch="
        + NativeCore.libtorchVersion()
        + "\n"
        + settings.entrySet().stream()
            .filter(setting -> !setting.getKey().equals("threads")) // a machine's own
            .map(setting -> setting.getKey() + "=" + setting.getValue() + "\n")
            .collect(Collectors.joining());
  }

  /**
   * Does work, and where it fails tells the others, unless they know.
   *
   * @param peers null if there are none
   */
  public static <T> T telling(@Nullable Peers peers, Supplier<T> work) {
    try {
      return work.get();
    } catch (Throwable e) {
      if (peers != null && !isKnown(e)) {
        TOLD.set(new WeakReference<>(e));
        peers.core.fail(e.toString());
      }
      throw e;
    }
  }

  private static boolean isKnown(Throwable failure) {
    return isKnown(failure, Collections.newSetFromMap(new IdentityHashMap<>()));
  }

  private static boolean isKnown(@Nullable Throwable failure, Set<Throwable> seen) {
    if (failure == null || !seen.add(failure)) {
      return false;
    }
    return failure instanceof PeerException
        || failure == TOLD.get().get()
        || isKnown(failure.getCause(), seen)
        || Arrays.stream(failure.getSuppressed()).anyMatch(other -> isKnown(other, seen));
  }

  /** Waits for the others, of whom any may have failed until here. */
  public void meet() {
    try {
      core.meet();
    } catch (NativeCoreException e) {
      throw translated(e);
    }
  }

  /** Waits for the others; returns whether any of them says yes. */
  public boolean any(boolean yes) {
    try {
      return core.any(yes);
    } catch (NativeCoreException e) {
      throw translated(e);
    }
  }

  RuntimeException translated(NativeCoreException e) {
    String message = String.valueOf(e.getMessage());
    if (e.kind() != NativeCoreException.Kind.PEER) {
      return NativeSession.translated(e);
    }
    boolean groupIsDead = message.startsWith("another process "); // else it is of further use
    return new PeerException(groupIsDead ? message + diagnosis.get() : message, e);
  }

  @Override
  public void close() {
    synchronized (SHARED) {
      Shared shared = SHARED.get(address);
      if (--shared.users == 0) {
        SHARED.remove(address);
        shared.core.close();
      }
    }
  }
}

package org.lrfinder.distributed;

import java.time.Duration;
import java.util.Objects;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.Backend;
import org.bytedeco.pytorch.PrefixStore;
import org.bytedeco.pytorch.ProcessGroup;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch_gloo;
import org.jspecify.annotations.Nullable;
import org.lrfinder.engine.PeerException;
import org.lrfinder.internal.engine.FirstLoad;

/**
 * A group of processes that sweep or train one model together, each with its own rows of every
 * batch: n processes with batches of b rows do what one does with batches of n times b. It stands
 * on PyTorch's own c10d, and is started as PyTorch's jobs are.
 *
 * <pre>{@code
 * try (Distributed group = Distributed.fromEnvironment()) {
 *   TensorBatches batches =
 *       TensorBatches.of(x, y, 32).shuffled(1).shard(group.rank(), group.ranks());
 *   LrFinderResult found =
 *       finder.find(SweepTask.of(network, adam, Loss.CROSS_ENTROPY, batches).across(group));
 *   if (group.isFirst()) {
 *     found.plot(true).save(Path.of("lr.png"));
 *   }
 * }
 * }</pre>
 *
 * <p>Every process has to make the same sweeps and trainings in the same order, on one thread at a
 * time, with the same settings and parameters: a difference is refused in all of them, by name. All
 * end at the same step with the same result. Where one throws, the others throw a {@link
 * PeerException} that names it, at once; where one dies or is cut off, they do so within the
 * group's timeout, swept models restored, and the group is of no more use.
 *
 * <p>Gradients and losses are the means over all rows, a validation that over the batches of all.
 * Buffers, such as the statistics of batch norm, stay each process's own. So do random numbers, as
 * of dropout: give each process a seed of its own once the parameters are made.
 */
public final class Distributed implements AutoCloseable {
  /** How long a process waits for the others in a step unless another timeout is given. */
  public static final Duration TIMEOUT = Duration.ofSeconds(60);

  private final Backend backend;
  private final int rank; // known also when the group has failed
  private final int ranks;
  private final @Nullable Ownership owned; // null for a group of the caller's
  private final boolean broadcasts;

  private Distributed(
      Backend backend, int rank, int ranks, @Nullable Ownership owned, boolean broadcasts) {
    this.backend = backend;
    this.rank = rank;
    this.ranks = ranks;
    this.owned = owned;
    this.broadcasts = broadcasts;
  }

  /**
   * Tells whether this process was started with others: RANK is set, and WORLD_SIZE to more than 1.
   *
   * @return whether {@link #fromEnvironment()} joins others
   */
  public static boolean isLaunched() {
    return Launch.isIn(System.getenv());
  }

  /**
   * Joins the processes that this one was started with, over gloo, with {@link #TIMEOUT}: as {@link
   * #fromEnvironment(Duration)}.
   *
   * @return the group, to be closed by the caller
   */
  public static Distributed fromEnvironment() {
    return fromEnvironment(TIMEOUT);
  }

  /**
   * Joins the processes that this one was started with, over gloo: those that torchrun, Kubeflow or
   * a script of Slurm's tell of by RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT. Rank 0 serves the
   * store by which they find each other, unless torchrun's agent does. Waits for all of them.
   *
   * @param timeout how long a process waits for the others: here, and in each step, for as long as
   *     the slowest takes for its batch; at least a second
   * @return the group, to be closed by the caller
   * @throws IllegalStateException if a variable is missing or wrong; the message names it
   * @throws PeerException if the others were not there in time
   */
  public static Distributed fromEnvironment(Duration timeout) {
    if (timeout.compareTo(Duration.ofSeconds(1)) < 0) {
      throw new IllegalArgumentException(
          "timeout is %s, but must be at least a second".formatted(timeout));
    }
    Launch launch = Launch.of(System.getenv());
    FirstLoad.ofLibtorch();
    Loader.load(torch_gloo.class);
    try (PointerScope scope = new PointerScope()) {
      Milliseconds limit = Timeout.of(timeout);
      TCPStore server =
          new TCPStore(
              launch.address(),
              new TCPStoreOptions()
                  .port((short) launch.port())
                  .isServer(launch.serves())
                  .waitWorkers(false)
                  .timeout(limit));
      // torchrun's store outlives the processes that it starts anew.
      PrefixStore store = new PrefixStore("lrfinder/" + launch.attempt(), server);
      Backend backend =
          new ProcessGroupGloo(
              store, launch.rank(), launch.ranks(), ProcessGroupGloo.Options.create_default(limit));
      server.retainReference(); // outlives the scope, until close(), as the next two do
      store.retainReference();
      backend.retainReference();
      Ownership owned = new Ownership(launch, server, store, backend);
      return new Distributed(backend, launch.rank(), launch.ranks(), owned, false);
    } catch (RuntimeException e) {
      String message = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      throw new PeerException(
          "rank %d of %d did not find the others by way of %s:%d: %s"
              .formatted(launch.rank(), launch.ranks(), launch.address(), launch.port(), message),
          e);
    }
  }

  /**
   * Takes a group of the presets, such as a {@code ProcessGroupGloo} or, of parameters on GPUs, a
   * {@code ProcessGroupNCCL}. It stays the caller's, who closes it when this is closed.
   *
   * @param backend over which the processes talk
   * @return the group; closing it does nothing
   */
  public static Distributed of(Backend backend) {
    if (backend.isNull()) {
      throw new IllegalArgumentException("the process group was closed");
    }
    return new Distributed(backend, backend.getRank(), backend.getSize(), null, false);
  }

  /**
   * Takes the backend that a process group of the presets has for the CPU.
   *
   * @param group stays the caller's
   * @return the group; closing it does nothing
   */
  public static Distributed of(ProcessGroup group) {
    return of(Objects.requireNonNull(group, "group").getBackend(DeviceType.CPU));
  }

  /**
   * Makes parameters and buffers those of rank 0 at the start of each sweep, until its end, and of
   * each training, where this one compares them.
   *
   * @return the same group, seen so; closing either closes both
   */
  public Distributed broadcasting() {
    return new Distributed(backend, rank, ranks, owned, true);
  }

  /** {@return whether parameters and buffers are made those of rank 0} */
  public boolean broadcasts() {
    return broadcasts;
  }

  /** {@return the number of this process, from 0} */
  public int rank() {
    return rank;
  }

  /** {@return the number of processes} */
  public int ranks() {
    return ranks;
  }

  /** {@return whether this is rank 0, which prints, plots and writes} */
  public boolean isFirst() {
    return rank() == 0;
  }

  /** {@return what the processes talk over, for collectives of the caller's own} */
  public Backend backend() {
    return backend;
  }

  /**
   * Finds out who is gone, after a failure of the group: asks every process for a sign of life, and
   * waits for it for some seconds. All that are left are to call it, which sweeps and trainings do.
   * The group is of no use afterwards.
   *
   * @return the silent ranks in words that follow a message; empty if that cannot be known
   */
  public String diagnosis() {
    return owned == null ? "" : owned.diagnosis();
  }

  /** Leaves a group that was made here. Others that wait for this process then fail at once. */
  @Override
  public void close() {
    if (owned != null) {
      owned.close();
    }
  }
}

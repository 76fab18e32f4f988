package org.lrfinder.distributed;

import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Backend;
import org.bytedeco.pytorch.PrefixStore;
import org.bytedeco.pytorch.StringVector;
import org.bytedeco.pytorch.TCPStore;

/** A group that was made from the environment, with its store. */
final class Ownership implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final Duration MORE_PATIENCE = PATIENCE.plusSeconds(1);
  private static final String ALIVE = "alive/";

  private final Launch launch;
  private final TCPStore server;
  private final PrefixStore store;
  private final Backend backend;
  private boolean storeIsInUse; // by a thread, which may wait for ever

  Ownership(Launch launch, TCPStore server, PrefixStore store, Backend backend) {
    this.launch = launch;
    this.server = server;
    this.store = store;
    this.backend = backend;
  }

  /** As {@link Distributed#diagnosis} says. */
  String diagnosis() {
    backend.close(); // tells those that still wait for this one
    FutureTask<String> asking = new FutureTask<>(this::silent);
    Thread asker = new Thread(asking, "lrfinder asks for other processes");
    asker.setDaemon(true);
    asker.start();
    try {
      // Where the store's machine was cut off, c10d waits for it without an end.
      String silent = asking.get(MORE_PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
      return silent.isEmpty() ? "" : "; no sign of life from rank " + silent;
    } catch (InterruptedException e) {
      storeIsInUse = true;
      Thread.currentThread().interrupt();
      return "";
    } catch (TimeoutException e) {
      storeIsInUse = true;
      return storeIsGone();
    } catch (ExecutionException e) {
      return storeIsGone();
    }
  }

  private String storeIsGone() {
    return "; nor does the store at %s:%d answer, which %s serves"
        .formatted(launch.address(), launch.port(), launch.serves() ? "this process" : "another");
  }

  private String silent() {
    long end = System.nanoTime() + PATIENCE.toNanos();
    store.set(ALIVE + launch.rank(), "yes");
    return IntStream.range(0, launch.ranks())
        .filter(rank -> rank != launch.rank() && !answers(rank, end - System.nanoTime()))
        .mapToObj(Integer::toString)
        .collect(Collectors.joining(", "));
  }

  private boolean answers(int rank, long nanos) {
    try (PointerScope scope = new PointerScope()) {
      StringVector key = new StringVector(ALIVE + rank);
      try {
        store._wait(key, Timeout.of(Duration.ofNanos(nanos)));
        return true;
      } catch (RuntimeException e) {
        return store.check(key); // throws where the store itself does not answer
      }
    }
  }

  @Override
  public void close() {
    backend.close();
    if (!storeIsInUse) {
      store.close();
      server.close();
    }
  }
}

package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.EngineException;
import org.lrfinder.engine.OutOfMemoryException;
import org.lrfinder.suggestion.Pick;
import org.lrfinder.suggestion.Steepest;
import org.lrfinder.suggestion.SuggestionRule;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.SweepSettings;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.NativeObjects;
import org.lrfinder.testkit.OptimizerSpec;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Faults of every kind in every phase of a sweep, at every step of it: each leaves the model, the
 * process and the disk as they were; that of memory beyond native objects is for {@link
 * EnduranceTest}. The table of what was injected is written to {@code target/faults.txt}.
 */
class FaultInjectionTest {
  private static final Logger LOG = LoggerFactory.getLogger(FaultInjectionTest.class);
  private static final int STEPS = 12;
  private static final int VARIANTS = 11; // steps 0 to 10

  /** Where a fault strikes. */
  private enum Phase {
    OPENING_BATCHES,
    HAS_NEXT,
    NEXT,
    LOSS,
    FORWARD,
    BACKWARD,
    UPDATE,
    LISTENER,
    CONDITION,
    CLOSING_BATCHES,
    RULE;

    /** Whether the engine computes here, so that only libtorch can fail. */
    boolean ofEngine() {
      return this == FORWARD || this == BACKWARD || this == UPDATE;
    }
  }

  /** What strikes. */
  private enum FaultKind {
    RUNTIME_EXCEPTION,
    ERROR,
    C10_ERROR,
    OUT_OF_MEMORY,
    INTERRUPT,
    CANCEL;

    boolean canStrike(Phase phase) {
      return switch (phase) {
        case FORWARD -> this == C10_ERROR || this == OUT_OF_MEMORY;
        case BACKWARD, UPDATE -> this == C10_ERROR;
        default -> true;
      };
    }
  }

  /** A model, fresh or used, and what it has to be after every fault. */
  private record Subject(
      OptimizerSpec kind, SequentialImpl network, Optimizer optimizer, ModelState state) {
    /** As it is now: the generators' state is part of a model's. */
    Subject asItIs() {
      return new Subject(kind, network, optimizer, ModelState.of(network, optimizer));
    }
  }

  private final List<Batch> batches = Models.batches(2, ScalarType.Float);
  private final Batch misshapen = new Batch(torch.randn(16, 7), batches.get(0).target());
  private final Batch tooLarge = // its rows are one and the same; those of the next layer are not
      new Batch(torch.ones(1, Models.FEATURES).expand(1L << 40, 6), batches.get(0).target());

  private List<Subject> subjects() {
    List<Subject> subjects = new ArrayList<>();
    for (OptimizerSpec kind : OptimizerSpec.values()) {
      for (int stepsBefore : new int[] {0, 3}) {
        SequentialImpl network = Models.batchNormAndDropout();
        Optimizer optimizer = kind.over(network);
        Models.train(network, optimizer, batches, stepsBefore);
        subjects.add(new Subject(kind, network, optimizer, ModelState.of(network, optimizer)));
      }
    }
    subjects.replaceAll(Subject::asItIs);
    return subjects;
  }

  @Test
  void aFaultLeavesNoTrace() throws IOException {
    int libtorchThreads = torch.get_num_threads();
    List<Subject> all = subjects();

    for (EngineChoice engine : EnginesUnderTest.all()) { // warm up
      new Fault(engine, Phase.LOSS, FaultKind.CANCEL, 9, all.get(0)).strike();
    }
    long pointers = NativeObjects.settledCount();
    Set<String> files = files();
    Set<String> threads = threads();
    long nativeThreads = nativeThreads();

    int struck = 0;
    Map<Phase, Map<FaultKind, Integer>> table = new EnumMap<>(Phase.class);
    for (Phase phase : Phase.values()) {
      for (FaultKind kind : FaultKind.values()) {
        if (!kind.canStrike(phase)) {
          continue;
        }
        for (EngineChoice engine : EnginesUnderTest.all()) {
          for (int variant = 0; variant < VARIANTS * 2 / EnginesUnderTest.all().size(); variant++) {
            Subject subject = all.get(struck++ % all.size());
            new Fault(engine, phase, kind, variant % VARIANTS, subject).strike();
            assertThat(Pointer.totalCount())
                .as("%s %s %s %d", engine, phase, kind, variant)
                .isLessThanOrEqualTo(pointers);
            table
                .computeIfAbsent(phase, p -> new EnumMap<>(FaultKind.class))
                .merge(kind, 1, Integer::sum);
          }
        }
      }
    }

    assertThat(files()).as("files").isEqualTo(files);
    assertThat(threads()).as("Java threads").isEqualTo(threads);
    assertThat(nativeThreads()).as("threads of native libraries").isEqualTo(nativeThreads);
    assertThat(torch.get_num_threads()).isEqualTo(libtorchThreads);
    String text = text(table);
    LOG.info("faults injected, all without a trace:\n{}", text);
    Files.writeString(Path.of("target", "faults.txt"), text);
    assertThat(table.values().stream().flatMap(row -> row.values().stream()))
        .allSatisfy(count -> assertThat(count).isGreaterThanOrEqualTo(20));
    assertThat(table.values().stream().flatMap(row -> row.values().stream()).mapToInt(i -> i).sum())
        .isGreaterThanOrEqualTo(500);
  }

  /** One sweep with one fault. */
  private final class Fault {
    private final EngineChoice engine;
    private final Phase phase;
    private final FaultKind kind;
    private final int step;
    private final Subject subject;
    private final List<Tensor> lent = new ArrayList<>(); // losses, which outlive the callback
    private int calls;
    private boolean struck;
    private boolean cancelled;
    private @Nullable Throwable thrown;

    Fault(EngineChoice engine, Phase phase, FaultKind kind, int step, Subject subject) {
      this.engine = engine;
      this.phase = phase;
      this.kind = kind;
      // Batches are opened and closed every second step, the rule is asked once.
      boolean rare = phase == Phase.OPENING_BATCHES || phase == Phase.CLOSING_BATCHES;
      this.step = phase == Phase.RULE ? 0 : rare ? step / 2 : step;
      this.subject = subject;
    }

    void strike() {
      String name = "%s: %s in %s at %d of %s".formatted(engine, kind, phase, step, subject.kind);
      LrFinder finder =
          LrFinder.builder()
              .engine(engine)
              .minLr(1e-3)
              .maxLr(0.5)
              .steps(STEPS)
              .noEarlyStop()
              .listener(recorded -> reach(Phase.LISTENER))
              .cancelIf(
                  () -> {
                    reach(Phase.CONDITION);
                    return cancelled;
                  })
              .rule(new StrikingRule())
              .build();
      LrFinderResult[] found = new LrFinderResult[1];
      Throwable failure =
          catchThrowable(
              () ->
                  found[0] =
                      phase == Phase.FORWARD
                          ? finder.find(
                              subject.network, subject.optimizer, Loss.CROSS_ENTROPY, this::walk)
                          : finder.find(
                              SweepTask.of(
                                  subject.network, subject.optimizer, this::loss, this::walk)));
      boolean interrupted = Thread.interrupted();
      lent.forEach(Pointer::close);

      assertThat(struck).as(name).isTrue();
      switch (kind) {
        case RUNTIME_EXCEPTION, ERROR -> assertThat(failure).as(name).isSameAs(thrown);
        case C10_ERROR -> {
          if (phase.ofEngine()) {
            assertThat(failure).as(name).isInstanceOf(EngineException.class);
            assertThat(failure)
                .hasMessageContaining(
                    phase == Phase.FORWARD
                        ? "shapes cannot be multiplied"
                        : phase == Phase.BACKWARD ? "inplace operation" : "must match the size");
          } else {
            assertThat(failure).as(name).isSameAs(thrown);
          }
        }
        case OUT_OF_MEMORY -> {
          if (phase.ofEngine()) {
            assertThat(failure).as(name).isInstanceOf(OutOfMemoryException.class);
          } else {
            assertThat(failure).as(name).isSameAs(thrown).isInstanceOf(OutOfMemoryError.class);
          }
        }
        case INTERRUPT, CANCEL -> {
          assertThat(failure).as(name).isNull();
          boolean inTime = phase != Phase.RULE && !(phase == Phase.CLOSING_BATCHES && step == 5);
          assertThat(found[0].endReason())
              .as(name)
              .isEqualTo(inTime ? EndReason.CANCELLED : EndReason.COMPLETED);
        }
        default -> throw new AssertionError(kind);
      }
      assertThat(interrupted).as(name).isEqualTo(kind == FaultKind.INTERRUPT);
      subject.state.assertUnchangedIn(ModelState.of(subject.network, subject.optimizer));
    }

    /** Strikes if this is the phase, and its turn. */
    private void reach(Phase here) {
      if (here != phase || calls++ != step) {
        return;
      }
      struck = true;
      try (PointerScope scope = new PointerScope()) { // user code may leave anything behind
        subject.network.eval();
        torch.manual_seed(step);
        torch.set_num_threads(1);
        openblas_nolapack.blas_set_num_threads(1);
      }
      switch (kind) {
        case RUNTIME_EXCEPTION -> throw keep(new IllegalStateException("injected"));
        case ERROR -> throw keep(new StackOverflowError("injected"));
        case C10_ERROR -> {
          try (PointerScope scope = new PointerScope()) {
            torch.mm(torch.ones(2, 3), torch.ones(2, 3));
          } catch (RuntimeException e) {
            throw keep(e);
          }
        }
        case OUT_OF_MEMORY -> {
          try {
            LOG.debug("{}", new long[Integer.MAX_VALUE]); // more than a JVM allows
          } catch (OutOfMemoryError e) {
            throw keep(e);
          }
        }
        case INTERRUPT -> Thread.currentThread().interrupt();
        case CANCEL -> cancelled = true;
        default -> throw new AssertionError(kind);
      }
    }

    private <T extends Throwable> T keep(T fault) {
      thrown = fault;
      return fault;
    }

    private Tensor loss(Batch batch) {
      reach(Phase.LOSS);
      boolean now = (phase == Phase.BACKWARD || phase == Phase.UPDATE) && calls++ == step;
      struck |= now;
      try (PointerScope scope = new PointerScope()) {
        Tensor output = subject.network.forward(batch.input());
        Tensor loss = torch.cross_entropy_loss(output, batch.target());
        if (now && phase == Phase.BACKWARD) {
          Tensor kept = output.exp();
          loss = kept.mul(kept).sum();
          kept.add_(torch.ones(1)); // autograd wanted it as it was
        } else if (now) {
          Tensor weight = subject.network.parameters().get(0);
          loss = subject.network.parameters().get(1).sum(); // so that no other gradient comes
          weight.mutable_grad().put(torch.ones(Models.FEATURES + 1)); // that the update cannot add
        }
        loss.retainReference();
        lent.add(loss);
        return loss;
      }
    }

    private Iterator<Batch> walk() {
      reach(Phase.OPENING_BATCHES);
      return new Walk();
    }

    private final class Walk implements Iterator<Batch>, AutoCloseable {
      private int at;

      @Override
      public boolean hasNext() {
        reach(Phase.HAS_NEXT);
        return at < batches.size();
      }

      @Override
      public Batch next() {
        if (at == batches.size()) {
          throw new NoSuchElementException();
        }
        reach(Phase.NEXT);
        at++;
        if (phase == Phase.FORWARD && calls++ == step) {
          struck = true;
          return kind == FaultKind.C10_ERROR ? misshapen : tooLarge;
        }
        return batches.get(at - 1);
      }

      @Override
      public void close() {
        reach(Phase.CLOSING_BATCHES);
      }
    }

    private final class StrikingRule implements SuggestionRule {
      @Override
      public String name() {
        return "striking";
      }

      @Override
      public Optional<Pick> pick(Curve curve, SweepSettings settings) {
        reach(Phase.RULE);
        return new Steepest().pick(curve, settings);
      }
    }
  }

  private static String text(Map<Phase, Map<FaultKind, Integer>> table) {
    StringBuilder text = new StringBuilder("%-16s".formatted("phase"));
    for (FaultKind kind : FaultKind.values()) {
      text.append("%18s".formatted(kind));
    }
    int sum = 0;
    for (Map.Entry<Phase, Map<FaultKind, Integer>> row : table.entrySet()) {
      text.append("%n%-16s".formatted(row.getKey()));
      for (FaultKind kind : FaultKind.values()) {
        Integer count = row.getValue().get(kind);
        text.append("%18s".formatted(count == null ? "-" : count));
        sum += count == null ? 0 : count;
      }
    }
    return text.append("%n%d faults%n".formatted(sum)).toString();
  }

  /** In the working folder, and what is open; other processes write temporary files too. */
  private static Set<String> files() throws IOException {
    Set<String> files = new TreeSet<>();
    try (Stream<Path> inside = Files.list(Path.of("."))) {
      inside.map(Path::toString).forEach(files::add);
    }
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      for (Path descriptor : open.toList()) {
        try {
          files.add("open: " + Files.readSymbolicLink(descriptor));
        } catch (NoSuchFileException e) {
          LOG.debug("that of the listing itself", e);
        }
      }
    }
    return files;
  }

  private static Set<String> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        // The JDK's, for processes that earlier tests started: it ends by itself after a minute.
        .filter(thread -> !thread.getName().equals("process reaper"))
        .map(thread -> thread.getId() + " " + thread.getName())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** Those are called as the thread that made them; the JVM gives its own other names. */
  private static long nativeThreads() throws IOException {
    String name = Files.readString(Path.of("/proc/thread-self/comm"));
    try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
      long count = 0;
      for (Path task : tasks.toList()) {
        try {
          count += Files.readString(task.resolve("comm")).equals(name) ? 1 : 0;
        } catch (IOException e) {
          LOG.debug("a thread that ended meanwhile", e);
        }
      }
      return count;
    }
  }
}

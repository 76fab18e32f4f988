package org.lrfinder.internal.loop;

import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleConsumer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;
import org.lrfinder.data.Batch;
import org.lrfinder.data.BatchWalk;
import org.lrfinder.internal.engine.EngineSession;
import org.lrfinder.internal.engine.EvalMode;
import org.lrfinder.internal.engine.GradRegion;
import org.lrfinder.internal.engine.Objective;
import org.lrfinder.internal.engine.SweepSubject;

/**
 * The mean loss over validation batches: over the first ones of a source, the same at each step of
 * a sweep, or over all of them after an epoch of a training. A step's tensors are copied; of what
 * cannot be copied nothing is kept, the source is walked anew.
 */
public final class Validation<V> implements AutoCloseable {
  /**
   * A loss of a batch.
   *
   * @param counts whether it is part of the sum; the first is asked even if not, since it may leave
   *     the batch out
   */
  public record Term<V>(Objective<V> objective, boolean counts) {}

  private static final long ALL = Long.MAX_VALUE;

  private final SweepSubject subject;
  private final EngineSession session;
  private final List<Term<V>> terms;
  private final Iterable<V> source;
  private final long count;
  private final List<V> copies = new ArrayList<>(); // empty where the source is walked anew
  private final DoubleConsumer answering = this::answer;
  private double answer;
  private boolean answered;
  private double total;
  private long used;

  private Validation(
      SweepSubject subject,
      EngineSession session,
      List<Term<V>> terms,
      Iterable<V> source,
      long count) {
    this.subject = subject;
    this.session = session;
    this.terms = terms;
    this.source = source;
    this.count = count;
  }

  /**
   * Measures the first batches, again and again.
   *
   * @param subject whose networks are in eval mode meanwhile
   * @throws IllegalArgumentException if there are none
   */
  public static <V> Validation<V> ofFirst(
      int count,
      SweepSubject subject,
      EngineSession session,
      List<Term<V>> terms,
      Iterable<V> source) {
    Validation<V> validation = new Validation<>(subject, session, terms, source, count);
    try {
      validation.copy();
    } catch (RuntimeException | Error e) {
      validation.close();
      throw e;
    }
    return validation;
  }

  /**
   * Measures all batches, however many there are.
   *
   * @param network in eval mode meanwhile
   */
  public static <V> double ofAll(
      Module network, EngineSession session, Objective<V> objective, Iterable<V> source) {
    List<Term<V>> terms = List.of(new Term<>(objective, true));
    return new Validation<>(SweepSubject.of(network), session, terms, source, ALL).loss();
  }

  @SuppressWarnings("unchecked") // a copy has the type of what it is made from: Batch, a record
  private void copy() {
    try (BatchWalk<V> walk = new BatchWalk<>(source, 0)) {
      if (!walk.hasNext()) {
        throw new IllegalArgumentException("there is no data: the batches are empty");
      }
      while (copies.size() < count && walk.hasNext()) {
        if (!(walk.next() instanceof Batch batch)) {
          close();
          return;
        }
        copies.add((V) new Batch(copy(batch.input()), copy(batch.target())));
      }
    }
  }

  /** A source may close or reuse its tensors when it is asked for the next ones. */
  private static Tensor copy(Tensor tensor) {
    try (GradRegion region = GradRegion.disabled();
        PointerScope scope = new PointerScope()) {
      Tensor copy = tensor.clone();
      copy.retainReference(); // outlives the scope, until close()
      return copy;
    }
  }

  double loss() {
    total = 0;
    used = 0;
    long measured;
    try (EvalMode evaluation = new EvalMode(subject)) {
      measured = copies.isEmpty() ? measureAnew() : measureCopies();
    }
    if (session.isShared()) {
      return session.average(total, used);
    }
    if (used == 0) {
      throw new IllegalArgumentException(
          measured == 0
              ? count == ALL
                  ? "there is no validation data: the batches are empty"
                  : "there is no validation data left: a source of batches of this type is walked"
                      + " anew at each step, and this one was empty the second time"
              : "no validation batch is used: the loss was null for all %d of them"
                  .formatted(measured));
    }
    return total / used;
  }

  private long measureCopies() {
    for (int i = 0; i < copies.size(); i++) {
      measure(copies.get(i));
    }
    return copies.size();
  }

  private long measureAnew() {
    long measured = 0;
    try (BatchWalk<V> walk = new BatchWalk<>(source, 0)) {
      while (measured < count && walk.hasNext()) {
        measure(walk.next());
        measured++;
      }
    }
    return measured;
  }

  /** Asks the losses in the order of a step, the first of which may leave the batch out. */
  private void measure(V batch) {
    if (session.rows(batch) == 0) {
      return; // the others have these rows
    }
    double sum = 0;
    for (int i = 0; i < terms.size(); i++) {
      Term<V> term = terms.get(i);
      if (i > 0 && !term.counts) {
        continue;
      }
      answered = false;
      term.objective.evaluate(session, batch, answering);
      if (!answered) {
        return;
      }
      sum += term.counts ? answer : 0;
    }
    total += sum;
    used++;
  }

  private void answer(double loss) {
    answer = loss;
    answered = true;
  }

  @Override
  public void close() {
    for (V copy : copies) {
      if (copy instanceof Batch batch) {
        batch.input().close();
        batch.target().close();
      }
    }
    copies.clear();
  }
}

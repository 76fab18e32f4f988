package org.lrfinder.data;

import java.util.Iterator;

/**
 * Training data that can be walked through any number of times, without memory of earlier walks: a
 * sweep that reads some epochs does not change what a training run reads afterwards.
 */
public interface Batches extends Iterable<Batch> {
  /**
   * Walks through one epoch. The iterator may close a batch's tensors when it is asked for the next
   * one; if it is {@link AutoCloseable}, whoever walks closes it.
   *
   * @param epoch which one, from 0; the same number gives the same batches in the same order
   * @return the epoch's batches
   */
  Iterator<Batch> epoch(long epoch);

  /** {@return epoch 0} */
  @Override
  default Iterator<Batch> iterator() {
    return epoch(0);
  }
}

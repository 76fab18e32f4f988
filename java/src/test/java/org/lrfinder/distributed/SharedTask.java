package org.lrfinder.distributed;

import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.SweepTask;
import org.lrfinder.data.Batch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.Models;

/** A network and data that are the same in every process, in double precision. */
final class SharedTask {
  static final int ROWS = 50;

  /** Of a batch of all processes: of 1, 2, 3 or 4. The last one of an epoch has two rows. */
  static final int BATCH = 24;

  static final int STEPS = 20;

  final SequentialImpl network;
  final Optimizer optimizer;
  private final Tensor inputs;
  private final Tensor targets;

  SharedTask() {
    this(false);
  }

  /**
   * Makes it.
   *
   * @param statistics whether the network has layers with buffers, and dropout
   */
  SharedTask(boolean statistics) {
    torch.manual_seed(7);
    torch.set_num_threads(1);
    network = Models.inDouble(statistics ? Models.batchNormAndDropout() : Models.mlp());
    optimizer = Models.keep(new Adam(network.parameters(), new AdamOptions(1e-3)));
    inputs = torch.randn(ROWS, Models.FEATURES).to(ScalarType.Double);
    targets = torch.randint(0, Models.CLASSES, new long[] {ROWS}).to(ScalarType.Long);
  }

  /** Those of a process, or all. */
  TensorBatches batches(@Nullable Distributed group) {
    return batches(group, true);
  }

  /** The same, with or without a last batch that is not full. */
  TensorBatches batches(@Nullable Distributed group, boolean partial) {
    int ranks = group == null ? 1 : group.ranks();
    TensorBatches full = TensorBatches.of(inputs, targets, BATCH / ranks).shuffled(3);
    TensorBatches batches = partial ? full.keepingPartial() : full;
    return group == null ? batches : batches.shard(group.rank(), ranks);
  }

  static LrFinder.Builder finder() {
    return LrFinder.builder().minLr(1e-4).maxLr(0.5).steps(STEPS).noEarlyStop();
  }

  /**
   * Sweeps by a built-in loss, or by one that is computed in {@code java}. Where steps are {@code
   * accumulating} all batches have as many rows, since a process averages its micro-batches as they
   * come.
   */
  LrFinderResult sweep(LrFinder.Builder finder, String what, @Nullable Distributed group) {
    boolean inJava = what.contains("java");
    TensorBatches batches = batches(group, !what.contains("accumulating"));
    SweepTask<Batch> task =
        inJava
            ? SweepTask.of(network, optimizer, this::loss, batches)
            : SweepTask.of(network, optimizer, Loss.CROSS_ENTROPY, batches);
    SweepTask<Batch> validated = task.validatedOn(batches);
    return finder.build().find(group == null ? validated : validated.across(group));
  }

  Tensor loss(Batch batch) {
    return torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
  }
}

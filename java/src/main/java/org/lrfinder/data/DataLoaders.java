package org.lrfinder.data;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Example;
import org.bytedeco.pytorch.ExampleIterator;
import org.bytedeco.pytorch.ExampleVector;
import org.bytedeco.pytorch.ExampleVectorIterator;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorExampleVector;
import org.bytedeco.pytorch.TensorExampleVectorIterator;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * The presets' own data loaders as training data, such as {@code
 * DataLoaders.examples(loader::begin, loader::end)}.
 *
 * <p>A loader walks its data once at a time: libtorch refuses to begin again before the last walk
 * has ended. So a walk that is left early is finished when it is closed, which loads the rest of
 * the epoch. The loader must stay reachable. Not thread-safe. A batch's tensors are closed when the
 * next one is asked for.
 */
public final class DataLoaders {
  private DataLoaders() {}

  /**
   * Reads a loader whose batches are lists of examples ({@code JavaRandomDataLoader}, {@code
   * JavaSequentialDataLoader}, {@code ChunkRandomDataLoader} and their like), and stacks them.
   *
   * @param begin the loader's {@code begin}
   * @param end the loader's {@code end}
   * @return data and targets of the examples, each along a new first dimension
   */
  public static Iterable<Batch> examples(
      Supplier<ExampleVectorIterator> begin, Supplier<ExampleVectorIterator> end) {
    return new Loader<>(
        begin,
        end,
        ExampleVectorIterator::notEquals,
        ExampleVectorIterator::increment,
        at -> stacked(at.access()),
        DataLoaders::close);
  }

  /**
   * Reads a loader whose batches are one example each, stacked by its data set ({@code
   * MNISTRandomDataLoader}).
   *
   * @param begin the loader's {@code begin}
   * @param end the loader's {@code end}
   * @return data and target of each example
   */
  public static Iterable<Batch> stackedExamples(
      Supplier<ExampleIterator> begin, Supplier<ExampleIterator> end) {
    return new Loader<>(
        begin,
        end,
        ExampleIterator::notEquals,
        ExampleIterator::increment,
        at -> {
          Example example = at.access();
          return new Batch(kept(new Tensor(example.data())), kept(new Tensor(example.target())));
        },
        DataLoaders::close);
  }

  /**
   * Reads a loader whose batches are lists of tensors without targets ({@code
   * JavaRandomTensorDataLoader} and its like), and stacks them.
   *
   * @param begin the loader's {@code begin}
   * @param end the loader's {@code end}
   * @return the tensors of each batch, along a new first dimension
   */
  public static Iterable<Tensor> tensors(
      Supplier<TensorExampleVectorIterator> begin, Supplier<TensorExampleVectorIterator> end) {
    return new Loader<>(
        begin,
        end,
        TensorExampleVectorIterator::notEquals,
        TensorExampleVectorIterator::increment,
        at -> {
          TensorExampleVector examples = at.access();
          TensorVector data = new TensorVector();
          for (long i = 0; i < examples.size(); i++) {
            data.push_back(examples.get(i).data());
          }
          return kept(torch.stack(data));
        },
        Tensor::close);
  }

  private static Batch stacked(ExampleVector examples) {
    TensorVector data = new TensorVector();
    TensorVector targets = new TensorVector();
    for (long i = 0; i < examples.size(); i++) {
      Example example = examples.get(i);
      data.push_back(example.data());
      targets.push_back(example.target());
    }
    return new Batch(kept(torch.stack(data)), kept(torch.stack(targets)));
  }

  /** Outlives the scope in which it is read, until it is closed. */
  private static Tensor kept(Tensor tensor) {
    tensor.retainReference();
    return tensor;
  }

  private static void close(Batch batch) {
    batch.input().close();
    batch.target().close();
  }

  /** What the iterators of the loaders have in common, which no supertype of theirs says. */
  private record Loader<I extends Pointer, B>(
      Supplier<I> begin,
      Supplier<I> end,
      BiPredicate<I, I> differ,
      Consumer<I> advance,
      Function<I, B> read,
      Consumer<B> release)
      implements Iterable<B> {
    @Override
    public Iterator<B> iterator() {
      return new Walk();
    }

    /** One walk through an epoch. */
    private final class Walk implements Iterator<B>, AutoCloseable {
      private final I position = begin.get();
      private final I stop = end.get();
      private @Nullable B last;

      @Override
      public boolean hasNext() {
        return differ.test(position, stop);
      }

      @Override
      public B next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        releaseLast();
        try (PointerScope scope = new PointerScope()) {
          B next = read.apply(position);
          last = next;
          advance.accept(position);
          return next;
        }
      }

      private void releaseLast() {
        if (last != null) {
          release.accept(last);
          last = null;
        }
      }

      @Override
      public void close() {
        releaseLast();
        try (PointerScope scope = new PointerScope()) {
          while (hasNext()) {
            advance.accept(position);
          }
        }
        position.close();
        stop.close();
      }
    }
  }
}

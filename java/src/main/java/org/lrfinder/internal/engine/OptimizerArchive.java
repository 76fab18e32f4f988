package org.lrfinder.internal.engine;

import java.util.function.Consumer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.pytorch.ArchiveWriter;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.InputArchive;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.OutputArchive;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.lrfinder.engine.EngineException;

/**
 * An optimizer's archive: the presets show no state map, but archives carry it. In native memory,
 * so that neither the heap nor the length of a Java array limits it.
 */
public final class OptimizerArchive {
  private OptimizerArchive() {}

  /**
   * {@return an archive to read of what is written to one} Callers open a {@link
   * org.bytedeco.javacpp.PointerScope}.
   */
  public static InputArchive reread(Consumer<OutputArchive> written) {
    Tensor bytes = of(written);
    InputArchive in = new InputArchive();
    DeviceOptional host = new DeviceOptional(new Device(new BytePointer("cpu")));
    in.load_from(new BytePointer(bytes.data_ptr()), bytes.numel(), host);
    return in;
  }

  /**
   * Writes an archive. Callers open a {@link org.bytedeco.javacpp.PointerScope}. One at a time:
   * each takes one of the ten callbacks of this type that JavaCPP can have at once.
   *
   * @return its bytes
   */
  static synchronized Tensor of(Consumer<OutputArchive> written) {
    OutputArchive out = new OutputArchive();
    written.accept(out);
    try (Bytes bytes = new Bytes()) {
      // The eleventh calls a null function.
      if (new PointerPointer<>(bytes).get(0) == null) {
        throw new EngineException(
            "all ten slots that JavaCPP has for an ArchiveWriter are taken: close those that are no longer needed",
            null);
      }
      long size = bytes.write(out, null);
      Tensor archive =
          torch.empty(
              new long[] {size}, new TensorOptions(ScalarType.Byte), new MemoryFormatOptional());
      bytes.write(out, new BytePointer(archive.data_ptr()).capacity(size));
      return archive;
    }
  }

  /**
   * Counts what libtorch writes, and copies it if it is told where to. Allocates nothing while
   * libtorch calls it.
   */
  private static final class Bytes extends ArchiveWriter {
    private @Nullable Pointer target;
    private long count;
    private @Nullable Throwable failure;

    long write(OutputArchive archive, @Nullable Pointer target) {
      this.target = target;
      count = 0;
      archive.save_to(this);
      if (failure instanceof Error e) {
        throw e;
      } else if (failure instanceof RuntimeException e) {
        throw e;
      }
      return count;
    }

    @Override
    public long call(Pointer bytes, long size) {
      try {
        if (target != null && size > 0) { // of nothing comes a null address
          if (size > target.capacity() - count) {
            throw new IllegalStateException("the optimizer was changed while it was copied");
          }
          memcpy(target.position(count), bytes, size);
        }
        count += size;
      } catch (RuntimeException | Error e) {
        failure = e; // libtorch writes in a destructor too, where an exception ends the process
      }
      return size;
    }
  }
}

package org.lrfinder.trainer;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.InputArchive;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OutputArchive;
import org.bytedeco.pytorch.StringTensorDict;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.engine.GradRegion;
import org.lrfinder.internal.io.AtomicFile;

/**
 * A training as it was after a step: one libtorch archive with the parameters and buffers, the
 * optimizer's own archive, the states of the random number generators and, as JSON, where the
 * training stood and its hyperparameters. Reading one closes nothing until {@link #close}.
 *
 * <p>libtorch reads damaged archives without a word, or crashes. So a seal, a line with the
 * checksum of all the archive's bytes, follows the archive, where readers of zip files do not mind
 * it, and libtorch is given nothing whose seal is broken.
 */
record Checkpoint(Path file, InputArchive archive, Contents contents) implements AutoCloseable {
  private static final ObjectMapper MAPPER = JsonMapper.builder().build();
  private static final int FORMAT = 2;
  private static final String SEAL = "lrfinder checkpoint, CRC-32C %08x\n";
  private static final int SEAL_LENGTH = SEAL.formatted(0).length();

  /**
   * What is no tensor.
   *
   * @param optimizer name of its class
   * @param tensors names of parameters and buffers, in the order that they are saved in
   * @param epochLosses what the rate is judged by, of each whole epoch
   */
  record Contents(
      int format,
      TrainingProgress progress,
      List<Double> epochLosses,
      String optimizer,
      List<String> tensors,
      Map<String, @Nullable Object> hyperparameters) {}

  static void write(
      Path file,
      Module network,
      Optimizer optimizer,
      TrainingProgress at,
      List<Double> epochLosses,
      Map<String, @Nullable Object> hyperparameters) {
    try (PointerScope scope = new PointerScope()) {
      OutputArchive out = new OutputArchive();
      List<String> names = new ArrayList<>();
      for (Named tensor : tensors(network)) {
        out.write("t" + names.size(), tensor.tensor.detach());
        names.add(tensor.name);
      }
      OutputArchive state = new OutputArchive(out.compilation_unit());
      optimizer.save(state);
      out.write("optimizer", state);
      List<Generator> generators = generators();
      for (int i = 0; i < generators.size(); i++) {
        out.write("generator" + i, generators.get(i).get_state());
      }
      Contents contents =
          new Contents(
              FORMAT, at, epochLosses, optimizer.getClass().getName(), names, hyperparameters);
      byte[] json = MAPPER.writeValueAsBytes(contents);
      out.write("contents", Tensor.create(json, json.length));
      AtomicFile.write(
          file,
          partial -> {
            try {
              out.save_to(partial.toString());
            } catch (RuntimeException e) { // the presets'
              throw new IOException(firstLine(e), e);
            }
            String seal;
            try (InputStream in = Files.newInputStream(partial)) {
              seal = seal(in, Files.size(partial));
            }
            Files.writeString(partial, seal, StandardOpenOption.APPEND);
          });
    } catch (IOException e) {
      throw new IllegalArgumentException("hyperparameters that JSON cannot hold", e);
    }
  }

  /** Reads so many bytes and makes their seal. */
  private static String seal(InputStream in, long length) throws IOException {
    CRC32C checksum = new CRC32C();
    byte[] part = new byte[1 << 16];
    for (long left = length; left > 0; ) {
      int read = in.read(part, 0, (int) Math.min(part.length, left));
      if (read < 0) {
        throw new EOFException("the file ends early");
      }
      checksum.update(part, 0, read);
      left -= read;
    }
    return SEAL.formatted((int) checksum.getValue());
  }

  private static void requireSealed(Path file) throws IOException {
    long length = Math.max(0, Files.size(file) - SEAL_LENGTH);
    try (InputStream in = Files.newInputStream(file)) {
      String right = seal(in, length);
      String found = new String(in.readNBytes(SEAL_LENGTH), StandardCharsets.US_ASCII);
      if (!found.equals(right)) {
        throw new IllegalArgumentException(
            file
                + (found.startsWith(SEAL.substring(0, SEAL.indexOf('%')))
                    ? " is damaged: its bytes do not have the checksum that it ends with"
                    : " is damaged, or no checkpoint of lrfinder: it does not end with a checksum"));
      }
    }
  }

  /**
   * Reads a checkpoint.
   *
   * @throws UncheckedIOException if it cannot be read
   * @throws IllegalArgumentException if it is no checkpoint of this library, or damaged
   */
  static Checkpoint read(Path file) {
    if (!Files.isReadable(file)) {
      throw new UncheckedIOException(
          new IOException(
              "cannot read the checkpoint %s: %s"
                  .formatted(
                      file, Files.exists(file) ? "no permission" : "there is no such file")));
    }
    try (PointerScope scope = new PointerScope()) {
      requireSealed(file);
      InputArchive archive = new InputArchive();
      // To the host: the device that it was saved on may not be here.
      archive.load_from(file.toString(), new DeviceOptional(new Device(new BytePointer("cpu"))));
      Tensor bytes = new Tensor();
      archive.read("contents", bytes);
      byte[] json = new byte[Math.toIntExact(bytes.numel())];
      new BytePointer(bytes.data_ptr()).get(json);
      Contents contents = MAPPER.readValue(json, Contents.class);
      if (contents.format != FORMAT) {
        throw new IllegalArgumentException(
            "%s is a checkpoint of format %d, and this library reads format %d"
                .formatted(file, contents.format, FORMAT));
      }
      archive.retainReference(); // outlives the scope, until close()
      return new Checkpoint(file, archive, contents);
    } catch (IllegalArgumentException e) {
      throw e;
    } catch (RuntimeException | IOException e) { // the presets' and Jackson's
      throw new IllegalArgumentException(
          file + " is no checkpoint of lrfinder: " + firstLine(e), e);
    }
  }

  /**
   * Puts everything back: the optimizer, which must be fresh, first, since it alone can refuse;
   * then parameters, buffers and the states of the generators.
   *
   * @throws IllegalArgumentException if network or optimizer are others; the network was not
   *     changed
   */
  void restore(Module network, Optimizer optimizer) {
    try (GradRegion region = GradRegion.disabled();
        PointerScope scope = new PointerScope()) {
      List<Named> live = tensors(network);
      List<Tensor> saved = new ArrayList<>();
      for (int i = 0; i < contents.tensors.size(); i++) {
        Tensor tensor = new Tensor();
        archive.read("t" + i, tensor);
        saved.add(tensor);
      }
      requireSame(live, saved);
      restore(optimizer);
      for (int i = 0; i < saved.size(); i++) {
        live.get(i).tensor.copy_(saved.get(i));
      }
      List<Generator> generators = generators();
      for (int i = 0; i < generators.size(); i++) {
        Tensor state = new Tensor();
        if (archive.try_read("generator" + i, state)) {
          generators.get(i).set_state(state);
        }
      }
    }
  }

  private void requireSame(List<Named> live, List<Tensor> saved) {
    List<String> names = live.stream().map(Named::name).toList();
    if (!names.equals(contents.tensors)) {
      throw new IllegalArgumentException(
          "%s is a checkpoint of another network: it has the tensors %s, the network %s"
              .formatted(file, contents.tensors, names));
    }
    for (int i = 0; i < saved.size(); i++) {
      String there = form(saved.get(i));
      String here = form(live.get(i).tensor);
      if (!there.equals(here)) {
        throw new IllegalArgumentException(
            "%s is a checkpoint of another network: its %s is %s, the network's %s"
                .formatted(file, names.get(i), there, here));
      }
    }
  }

  private static String form(Tensor tensor) {
    return tensor.dtype().name().getString() + Arrays.toString(tensor.shape());
  }

  private void restore(Optimizer optimizer) {
    String name = optimizer.getClass().getName();
    if (!name.equals(contents.optimizer)) {
      throw new IllegalArgumentException(
          "%s has the state of a %s, but configureOptimizers() made a %s"
              .formatted(file, contents.optimizer, name));
    }
    try {
      InputArchive state = new InputArchive();
      archive.read("optimizer", state);
      optimizer.load(state);
    } catch (RuntimeException e) { // the presets'
      throw new IllegalArgumentException(
          "%s has the state of an optimizer over other parameter groups than configureOptimizers() made: %s"
              .formatted(file, firstLine(e)),
          e);
    }
  }

  private record Named(String name, Tensor tensor) {}

  private static List<Named> tensors(Module network) {
    List<Named> tensors = new ArrayList<>();
    addAll(tensors, "parameter", network.named_parameters());
    addAll(tensors, "buffer", network.named_buffers());
    return tensors;
  }

  private static void addAll(List<Named> tensors, String what, StringTensorDict dict) {
    for (long i = 0; i < dict.size(); i++) {
      tensors.add(new Named(what + " " + dict.get(i).key().getString(), dict.get(i).value()));
    }
  }

  private static List<Generator> generators() {
    List<Generator> generators = new ArrayList<>();
    generators.add(torch.getDefaultCPUGenerator());
    for (byte i = 0; i < torch.cuda_device_count(); i++) {
      generators.add(
          torch.globalContext().defaultGenerator(new Device(new BytePointer("cuda:" + i))));
    }
    return generators;
  }

  private static String firstLine(Exception e) {
    String message = String.valueOf(e.getMessage());
    return message.lines().findFirst().orElse(message);
  }

  @Override
  public void close() {
    archive.close();
  }
}

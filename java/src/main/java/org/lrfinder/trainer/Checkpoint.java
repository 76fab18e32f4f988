package org.lrfinder.trainer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.zip.CRC32C;
import java.util.zip.CheckedOutputStream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.StringTensorDict;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.Layout;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.engine.GradRegion;
import org.lrfinder.internal.io.AtomicFile;

/**
 * A training as it was after a step. The file has a line that names the format; the length of what
 * is no tensor, and that, as JSON; the bytes of all tensors, one after the other; and a seal, a
 * line with the checksum of all before. It is no archive of libtorch, which believes what an
 * archive says of its tensors: of how many bytes they have, and where. Holds the tensors until
 * {@link #close}.
 */
record Checkpoint(Path file, Contents contents, List<Tensor> tensors) implements AutoCloseable {
  private static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();
  private static final int FORMAT = 3;
  private static final String HEAD = "lrfinder checkpoint, format %d\n";
  private static final String SEAL = "lrfinder checkpoint, CRC-32C %08x\n";
  private static final int SEAL_LENGTH = SEAL.formatted(0).length();
  private static final int PART = 1 << 16;

  /** Of plain elements, each of whole bytes. */
  private static final Set<ScalarType> TYPES =
      EnumSet.of(
          ScalarType.Bool,
          ScalarType.Byte,
          ScalarType.Char,
          ScalarType.Short,
          ScalarType.Int,
          ScalarType.Long,
          ScalarType.Half,
          ScalarType.BFloat16,
          ScalarType.Float,
          ScalarType.Double,
          ScalarType.ComplexHalf,
          ScalarType.ComplexFloat,
          ScalarType.ComplexDouble);

  /**
   * What is no tensor.
   *
   * @param epochLosses what the rate is judged by, of each whole epoch
   * @param optimizer name of its class
   * @param optimizerState its archive
   * @param tensors the parameters and buffers, the states of the generators, those of the
   *     optimizer's archive, in the order of their bytes
   */
  record Contents(
      TrainingProgress progress,
      List<Double> epochLosses,
      String optimizer,
      OptimizerValue optimizerState,
      List<Form> tensors,
      Map<String, @Nullable Object> hyperparameters) {
    Contents {
      Objects.requireNonNull(progress, "progress");
      epochLosses = List.copyOf(epochLosses);
      Objects.requireNonNull(optimizer, "optimizer");
      Objects.requireNonNull(optimizerState, "optimizerState");
      tensors = List.copyOf(tensors);
      Objects.requireNonNull(hyperparameters, "hyperparameters");
    }
  }

  /** What is stored of a tensor beside its bytes. */
  record Form(String name, ScalarType type, long[] shape) {
    Form {
      Objects.requireNonNull(name, "name");
      Objects.requireNonNull(type, "type");
      Objects.requireNonNull(shape, "shape");
    }

    static Form of(String name, Tensor tensor) {
      return new Form(name, tensor.scalar_type().intern(), tensor.shape());
    }

    /**
     * {@return the length of its elements}
     *
     * @throws ArithmeticException if no tensor has so many
     */
    long bytes() {
      long bytes = torch.elementSize(type);
      for (long size : shape) {
        if (size < 0) {
          throw new ArithmeticException("a size is less than 0");
        }
        bytes = Math.multiplyExact(bytes, size);
      }
      return bytes;
    }

    boolean isAs(Form other) {
      return type == other.type && Arrays.equals(shape, other.shape);
    }

    String words() {
      return type + Arrays.toString(shape);
    }
  }

  static void write(
      Path file,
      Module network,
      Optimizer optimizer,
      TrainingProgress at,
      List<Double> epochLosses,
      Map<String, @Nullable Object> hyperparameters) {
    try (PointerScope scope = new PointerScope()) {
      List<Named> stored = new ArrayList<>(tensors(network));
      stored.addAll(states(generators()));
      OptimizerValue state =
          OptimizerValue.of(
              optimizer,
              tensor -> {
                stored.add(new Named("optimizer", tensor));
                return stored.size() - 1;
              });
      List<Form> forms = new ArrayList<>();
      for (Named tensor : stored) {
        if (tensor.tensor.layout().intern() != Layout.Strided
            || !TYPES.contains(tensor.tensor.scalar_type().intern())) {
          throw new IllegalArgumentException(
              "%s is %s, %s, which a checkpoint cannot hold"
                  .formatted(
                      tensor.name,
                      tensor.tensor.scalar_type().intern(),
                      tensor.tensor.layout().intern()));
        }
        forms.add(Form.of(tensor.name, tensor.tensor));
      }
      byte[] json =
          MAPPER.writeValueAsBytes(
              new Contents(
                  at, epochLosses, optimizer.getClass().getName(), state, forms, hyperparameters));
      AtomicFile.write(
          file,
          partial -> {
            try (OutputStream to = Files.newOutputStream(partial);
                CheckedOutputStream out = new CheckedOutputStream(to, new CRC32C())) {
              DataOutputStream data = new DataOutputStream(out);
              data.writeBytes(HEAD.formatted(FORMAT));
              data.writeInt(json.length);
              data.write(json);
              for (Named tensor : stored) {
                writeElements(out, tensor.tensor);
              }
              to.write(
                  SEAL.formatted((int) out.getChecksum().getValue())
                      .getBytes(StandardCharsets.US_ASCII));
            }
          });
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("hyperparameters that JSON cannot hold", e);
    }
  }

  private static void writeElements(OutputStream out, Tensor tensor) throws IOException {
    try (PointerScope scope = new PointerScope()) {
      Tensor here = tensor.detach().cpu().contiguous();
      BytePointer elements = new BytePointer(here.data_ptr());
      byte[] part = new byte[PART];
      long length = Form.of("", here).bytes();
      for (long at = 0; at < length; at += part.length) {
        int size = (int) Math.min(part.length, length - at);
        elements.position(at).get(part, 0, size);
        out.write(part, 0, size);
      }
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
      try (DataInputStream in =
          new DataInputStream(new BufferedInputStream(Files.newInputStream(file), PART))) {
        long left = Files.size(file) - SEAL_LENGTH;
        byte[] head = HEAD.formatted(FORMAT).getBytes(StandardCharsets.US_ASCII);
        if (!Arrays.equals(in.readNBytes(head.length), head)) {
          throw new IllegalArgumentException(
              "%s is a checkpoint of another version of lrfinder: this one reads format %d alone"
                  .formatted(file, FORMAT));
        }
        int length = in.readInt();
        left -= head.length + (long) Integer.BYTES + length;
        require(length >= 0 && left >= 0, "it says that it is longer than it is");
        Contents contents = MAPPER.readValue(in.readNBytes(length), Contents.class);
        require(contents.progress.isValid(), "a number of its progress is less than 0");
        long bytes = 0;
        for (Form form : contents.tensors) {
          require(TYPES.contains(form.type), form.name + " is of the type " + form.type);
          bytes = Math.addExact(bytes, form.bytes());
        }
        require(bytes == left, "its tensors are longer or shorter than it is");
        List<Tensor> tensors = new ArrayList<>();
        for (Form form : contents.tensors) {
          tensors.add(readElements(in, form));
        }
        tensors.forEach(Tensor::retainReference); // until close()
        return new Checkpoint(file, contents, tensors);
      }
    } catch (JsonProcessingException | ArithmeticException | Unfit e) {
      throw new IllegalArgumentException(
          file + " is no checkpoint of lrfinder: " + firstLine(e), e);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the checkpoint " + file + ": " + e, e);
    }
  }

  /** What the file says of itself is not so. */
  private static final class Unfit extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Unfit(String message) {
      super(message);
    }
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new Unfit(otherwise);
    }
  }

  /** Of as many bytes as its form says, which the file has. */
  private static Tensor readElements(DataInputStream in, Form form) throws IOException {
    // A byte that is neither 0 nor 1 is no truth value.
    boolean truth = form.type == ScalarType.Bool;
    Tensor tensor =
        torch.empty(
            form.shape,
            new TensorOptions(truth ? ScalarType.Byte : form.type),
            new MemoryFormatOptional());
    BytePointer elements = new BytePointer(tensor.data_ptr());
    byte[] part = new byte[PART];
    long length = form.bytes();
    for (long at = 0; at < length; at += part.length) {
      int size = (int) Math.min(part.length, length - at);
      in.readFully(part, 0, size);
      elements.position(at).put(part, 0, size);
    }
    return truth ? tensor.to(ScalarType.Bool) : tensor;
  }

  /**
   * Puts everything back: first what can refuse, the optimizer, which must be fresh, and the states
   * of the generators; then parameters and buffers.
   *
   * @throws IllegalArgumentException if network or optimizer are others; nothing but the optimizer
   *     was changed
   */
  void restore(Module network, Optimizer optimizer) {
    try (GradRegion region = GradRegion.disabled();
        PointerScope scope = new PointerScope()) {
      List<Named> live = tensors(network);
      requireSame(live);
      restore(optimizer);
      restoreGenerators(live.size());
      for (int i = 0; i < live.size(); i++) {
        live.get(i).tensor.copy_(tensors.get(i));
      }
    }
  }

  private void requireSame(List<Named> live) {
    List<Form> saved =
        contents.tensors.stream()
            .filter(form -> form.name.matches("(parameter|buffer) .*"))
            .toList();
    List<String> names = live.stream().map(Named::name).toList();
    List<String> savedNames = saved.stream().map(Form::name).toList();
    boolean first = saved.equals(contents.tensors.subList(0, saved.size()));
    if (!first || !names.equals(savedNames)) {
      throw new IllegalArgumentException(
          "%s is a checkpoint of another network: it has the tensors %s, the network %s"
              .formatted(file, savedNames, names));
    }
    for (int i = 0; i < saved.size(); i++) {
      Form here = Form.of(names.get(i), live.get(i).tensor);
      if (!saved.get(i).isAs(here)) {
        throw new IllegalArgumentException(
            "%s is a checkpoint of another network: its %s is %s, the network's %s"
                .formatted(file, names.get(i), saved.get(i).words(), here.words()));
      }
    }
  }

  private void restore(Optimizer optimizer) {
    String name = optimizer.getClass().getName();
    if (!name.equals(contents.optimizer)) {
      throw new IllegalArgumentException(
          "%s has the state of a %s, but configureOptimizers() made a %s"
              .formatted(file, contents.optimizer, name));
    }
    try {
      contents.optimizerState.load(optimizer, this::tensor);
    } catch (RuntimeException e) { // the presets', too
      throw new IllegalArgumentException(
          "%s has the state of an optimizer over other parameter groups than configureOptimizers() made: %s"
              .formatted(file, firstLine(e)),
          e);
    }
  }

  private Tensor tensor(int number) {
    if (number >= tensors.size()) {
      throw new IllegalArgumentException("there is no tensor " + number);
    }
    return tensors.get(number);
  }

  /** All of those that are here and there, or none. */
  private void restoreGenerators(int from) {
    List<Generator> generators = generators();
    List<Named> before = states(generators);
    try {
      for (int i = 0; i < generators.size() && from + i < tensors.size(); i++) {
        Form saved = contents.tensors.get(from + i);
        Form here = Form.of(before.get(i).name, before.get(i).tensor);
        if (saved.name.equals(here.name)) {
          require(saved.isAs(here), "its %s is %s".formatted(saved.name, saved.words()));
          generators.get(i).set_state(tensors.get(from + i));
        }
      }
    } catch (RuntimeException e) { // the presets', too
      for (int i = 0; i < generators.size(); i++) {
        generators.get(i).set_state(before.get(i).tensor);
      }
      throw new IllegalArgumentException(
          "%s has no state of a random number generator: %s".formatted(file, firstLine(e)), e);
    }
  }

  private static List<Named> states(List<Generator> generators) {
    List<Named> states = new ArrayList<>();
    for (Generator generator : generators) {
      states.add(new Named("generator " + states.size(), generator.get_state()));
    }
    return states;
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
    tensors.forEach(Tensor::close);
  }
}

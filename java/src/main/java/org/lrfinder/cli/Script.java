package org.lrfinder.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.parameter_iterator;
import org.lrfinder.SweepTask;
import org.lrfinder.data.Batch;
import org.lrfinder.internal.engine.Devices;
import org.lrfinder.internal.models.Limit;
import org.lrfinder.internal.models.Limits;
import org.lrfinder.sweep.Loss;

/**
 * A network that Python exported as TorchScript. Such a file is a program, which loading and
 * sweeping run.
 */
record Script(Path file, JitModule module) implements SweptNetwork {
  private static final String CURE =
      "export the model with torch.jit.script(model).save(...), or torch.jit.trace(model, example).save(...)";

  /**
   * Loads one, to the CPU; the module is the caller's scope's.
   *
   * @throws InputException if it is no TorchScript, damaged, more than the limits allow, needs what
   *     libtorch does not have here, or has nothing to train
   */
  static Script load(Path file, Limits limits) {
    requireTorchScript(file, limits);
    JitModule module;
    try (Device cpu = Devices.of("cpu")) {
      module = torch.load(file.toString(), new DeviceOptional(cpu), /* load_debug_files= */ true);
    } catch (RuntimeException e) {
      String words = Words.ofLibtorch(e);
      throw new InputException("cannot load %s: %s%s".formatted(file, words, hint(words)));
    }
    Script script = new Script(file, module);
    script.requireParameters(limits);
    return script;
  }

  /** By what is in the file, without running any of it. */
  private static void requireTorchScript(Path file, Limits limits) {
    FileKind kind;
    try (InputStream in = Files.newInputStream(file)) {
      kind = FileKind.of(in.readNBytes(NpyReader.MAGIC.length));
    } catch (NoSuchFileException e) {
      throw new InputException("there is no file " + file);
    } catch (IOException e) {
      throw new InputException("cannot read %s: %s".formatted(file, e.getMessage()));
    }
    if (kind != FileKind.ZIP) {
      throw new InputException(
          "%s is %s: %s"
              .formatted(
                  file,
                  kind == FileKind.PICKLE
                      ? "a pickle of Python's, which is not read here"
                      : "no TorchScript, which is a zip file",
                  CURE));
    }
    List<? extends ZipEntry> entries;
    try (ZipFile zip = new ZipFile(file.toFile())) {
      entries = zip.stream().toList();
    } catch (ZipException e) {
      throw new InputException(
          "%s is damaged, or its end is missing: was it copied in part? (%s)"
              .formatted(file, e.getMessage()));
    } catch (IOException e) {
      throw new InputException("cannot read %s: %s".formatted(file, e.getMessage()));
    }
    if (!has(entries, "/constants.pkl")) {
      throw new InputException(
          "%s is no TorchScript%s: %s"
              .formatted(
                  file,
                  has(entries, "/data.pkl")
                      ? ", but a pickle of torch.save, which is not read here"
                      : has(entries, "/archive_format") ? ", but a program of torch.export" : "",
                  CURE));
    }
    // As the file says, which is what libtorch takes room for.
    long bytes = 0;
    for (ZipEntry entry : entries) {
      long size = Math.max(0, entry.getSize());
      bytes = size > Long.MAX_VALUE - bytes ? Long.MAX_VALUE : bytes + size;
    }
    long all = bytes;
    InputException.ifRefused(() -> limits.require(all, Limit.BYTES, file + ", unpacked,"));
  }

  private static boolean has(List<? extends ZipEntry> entries, String ending) {
    return entries.stream().anyMatch(entry -> entry.getName().endsWith(ending));
  }

  private void requireParameters(Limits limits) {
    TensorVector parameters = parameters();
    if (parameters.empty()) {
      throw new InputException(
          file
              + " has no parameters to train; torch.jit.freeze and optimize_for_inference make constants of them: export the model without");
    }
    long count = 0;
    boolean trainable = false;
    for (Tensor parameter : parameters.get()) {
      count += parameter.numel();
      trainable |= parameter.requires_grad();
    }
    if (!trainable) {
      throw new InputException(
          file
              + " has no parameter that takes a gradient: set requires_grad before it is exported");
    }
    long all = count;
    InputException.ifRefused(() -> limits.require(all, Limit.PARAMETERS, file));
  }

  /** Of what is known to go wrong with exported models: the way out. */
  static String hint(String words) {
    if (words.contains("CUDA")) {
      return "; its code names a CUDA device, as a model has that was traced on one: export it from the CPU, or sweep with --device cuda";
    }
    if (words.contains("Unknown builtin op")) {
      return "; an extension of PyTorch's that is not in libtorch";
    }
    return "";
  }

  /** Whether it was exported for inference, as dropout and batch norm notice. */
  boolean isInEvalMode() {
    return !module.is_training();
  }

  @Override
  public TensorVector parameters() {
    TensorVector parameters = new TensorVector();
    parameter_iterator end = module.parameters().end();
    for (parameter_iterator i = module.parameters().begin(); i.notEquals(end); i.increment()) {
      parameters.push_back(i.access());
    }
    return parameters;
  }

  @Override
  public ScalarType type() {
    for (Tensor parameter : parameters().get()) {
      if (parameter.is_floating_point()) {
        return parameter.scalar_type().intern();
      }
    }
    return ScalarType.Float;
  }

  @Override
  public void to(Device device) {
    module.to(device);
  }

  /** Of a copy, since a trace has batch norm's mode in its code. */
  @Override
  public Tensor tried(Tensor input) {
    IValue output = module.deepcopy().forward(new IValueVector(new IValue(input)));
    if (!output.isTensor()) {
      throw new InputException(
          "forward returns a %s, but must return one tensor"
              .formatted(output.tagKind().getString()));
    }
    return output.toTensor();
  }

  @Override
  public SweepTask<Batch> task(Optimizer optimizer, Loss loss, Iterable<Batch> batches) {
    return SweepTask.of(module, optimizer, loss, batches);
  }
}

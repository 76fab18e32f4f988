package org.lrfinder.cli;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.models.Limits;
import org.lrfinder.internal.models.Network;
import picocli.CommandLine.Option;

/** Options of {@code find}: which network. */
final class NetworkChoice {
  @Option(
      names = "--model",
      paramLabel = "FILE",
      description = "JSON array of layers, alone or as the field \"model\".")
  private @Nullable Path model;

  @Option(
      names = "--hidden",
      split = ",",
      paramLabel = "WIDTHS",
      hideParamSyntax = true,
      description = "Widths of the hidden layers, with ReLU between. Default: 64,64")
  private List<Integer> hidden = List.of(64, 64);

  @Option(
      names = "--script",
      paramLabel = "FILE",
      description =
          "A model of Python's PyTorch, exported as TorchScript, with its weights. Such a file is a program, which is run: take it only from whom you trust.")
  private @Nullable Path script;

  /** {@return the script, if one was named, loaded} */
  @Nullable Script script(Limits limits) {
    return script == null ? null : Script.load(script, limits);
  }

  /** Makes layers for the data. */
  SweptNetwork layersFor(DataSet data, Limits limits) {
    if (model != null) {
      return new SweptNetwork.Layers(InputException.ifRefused(() -> Network.read(model, limits)));
    }
    if (data.inputs().dim() != 2) {
      throw new InputException(
          "--hidden needs inputs of shape [rows, numbers], but %s has them of shape %s: name a network by --script or --model"
              .formatted(data.name(), Arrays.toString(data.inputs().shape())));
    }
    return new SweptNetwork.Layers(
        InputException.ifRefused(
            () -> Network.multilayerPerceptron(data.features(), hidden, data.outputs(), limits)));
  }

  /** What it is called in messages. */
  String name() {
    return script != null
        ? script.toString()
        : model != null ? model.toString() : "the network of --hidden";
  }
}

package org.lrfinder.benchmarks.speed;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.BatchNorm2dImpl;
import org.bytedeco.pytorch.BatchNormOptions;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.Conv2dOptions;
import org.bytedeco.pytorch.FlattenImpl;
import org.bytedeco.pytorch.GRUImpl;
import org.bytedeco.pytorch.GRUOptions;
import org.bytedeco.pytorch.LSTMImpl;
import org.bytedeco.pytorch.LSTMOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.MaxPool2dImpl;
import org.bytedeco.pytorch.MaxPool2dOptions;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.ReLUImpl;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TransformerEncoderLayerImpl;
import org.bytedeco.pytorch.TransformerEncoderLayerOptions;
import org.bytedeco.pytorch.global.torch;

/**
 * A network as one writes it with the presets: their own classes, so that parameters, operators and
 * their order are those of the C++ networks.
 *
 * @param forward from a batch's inputs to its outputs
 * @param kept what the presets would free while the network still uses it
 */
record JavaNetwork(Module module, UnaryOperator<Tensor> forward, List<Module> kept) {
  // The presets free some layers with their Java objects, even while a network holds them, and then
  // the process crashes.
  private static final List<JavaNetwork> FOR_EVER = new ArrayList<>();

  /** Makes a network that lives as long as the process. Not to be called within a scope. */
  static JavaNetwork of(NetworkShape shape) {
    JavaNetwork network = made(shape);
    FOR_EVER.add(network);
    return network;
  }

  private static JavaNetwork made(NetworkShape shape) {
    int[] perceptron = shape.perceptron();
    if (perceptron != null) {
      return sequential(perceptron(perceptron[0], perceptron[1]));
    }
    return switch (shape.name()) {
      case "cnn-8x8" ->
          sequential(
              List.of(
                  convolution(1, 6, 3, 1, 1, true),
                  new ReLUImpl(),
                  halved(),
                  new FlattenImpl(),
                  new LinearImpl(96, NetworkShape.CLASSES)));
      case "cnn-28x28" ->
          sequential(
              List.of(
                  convolution(1, 16, 3, 1, 0, true),
                  new ReLUImpl(),
                  halved(),
                  convolution(16, 32, 3, 1, 0, true),
                  new ReLUImpl(),
                  halved(),
                  new FlattenImpl(),
                  new LinearImpl(800, NetworkShape.CLASSES)));
      case "encoder-layer" -> {
        TransformerEncoderLayerOptions options = new TransformerEncoderLayerOptions(16, 4);
        options.dim_feedforward().put(32);
        TransformerEncoderLayerImpl layer = new TransformerEncoderLayerImpl(options);
        yield of(layer, input -> layer.forward(input.transpose(0, 1)).transpose(0, 1));
      }
      case "lstm" -> {
        LSTMOptions options = new LSTMOptions(8, 16);
        options.num_layers().put(2);
        options.batch_first().put(true);
        options.dropout().put(0.2);
        LSTMImpl layers = new LSTMImpl(options);
        yield of(layers, input -> layers.forward(input).get0());
      }
      case "gru" -> {
        GRUOptions options = new GRUOptions(8, 16);
        options.bidirectional().put(true);
        options.batch_first().put(true);
        GRUImpl layer = new GRUImpl(options);
        yield of(layer, input -> layer.forward(input).get0());
      }
      case "resnet-18" -> {
        ResNet18 network = new ResNet18();
        yield of(network, network::forward);
      }
      default -> throw new IllegalArgumentException(shape.name());
    };
  }

  /** Present if the library can forward it natively by itself. */
  Optional<SequentialImpl> sequential() {
    return module instanceof SequentialImpl layers ? Optional.of(layers) : Optional.empty();
  }

  private static JavaNetwork of(Module module, UnaryOperator<Tensor> forward) {
    return new JavaNetwork(module, forward, List.of());
  }

  private static List<Module> perceptron(int depth, int width) {
    List<Module> layers = new ArrayList<>();
    layers.add(new LinearImpl(NetworkShape.FEATURES, width));
    layers.add(new ReLUImpl());
    for (int i = 0; i < depth; i++) {
      layers.add(new LinearImpl(width, width));
      layers.add(new ReLUImpl());
    }
    layers.add(new LinearImpl(width, NetworkShape.CLASSES));
    return layers;
  }

  private static JavaNetwork sequential(List<Module> layers) {
    SequentialImpl network = new SequentialImpl();
    for (Module layer : layers) {
      if (layer instanceof LinearImpl linear) {
        network.push_back(linear);
      } else if (layer instanceof ReLUImpl relu) {
        network.push_back(relu);
      } else if (layer instanceof Conv2dImpl convolution) {
        network.push_back(convolution);
      } else if (layer instanceof MaxPool2dImpl pool) {
        network.push_back(pool);
      } else if (layer instanceof FlattenImpl flatten) {
        network.push_back(flatten);
      } else {
        throw new IllegalArgumentException(layer.getClass().getName());
      }
    }
    return new JavaNetwork(network, network::forward, layers);
  }

  private static MaxPool2dImpl halved() {
    return new MaxPool2dImpl(new MaxPool2dOptions(new LongPointer(2, 2)));
  }

  private static Conv2dImpl convolution(
      long in, long out, long kernel, long stride, long padding, boolean bias) {
    Conv2dOptions options = new Conv2dOptions(in, out, new LongPointer(kernel, kernel));
    options.stride().put(new long[] {stride, stride}); // two numbers would be index and value
    options.padding().put(new LongPointer(padding, padding));
    options.bias().put(bias);
    return new Conv2dImpl(options);
  }

  private static final class ResidualBlock extends Module {
    private final Conv2dImpl conv1;
    private final Conv2dImpl conv2;
    private final BatchNorm2dImpl bn1;
    private final BatchNorm2dImpl bn2;
    private final UnaryOperator<Tensor> shortcut;

    ResidualBlock(long in, long out, long stride) {
      conv1 = register_module("conv1", convolution(in, out, 3, stride, 1, false));
      conv2 = register_module("conv2", convolution(out, out, 3, 1, 1, false));
      bn1 = register_module("bn1", new BatchNorm2dImpl(new BatchNormOptions(out)));
      bn2 = register_module("bn2", new BatchNorm2dImpl(new BatchNormOptions(out)));
      if (stride == 1) {
        shortcut = UnaryOperator.identity();
      } else {
        Conv2dImpl conv = register_module("shortcut", convolution(in, out, 1, stride, 0, false));
        BatchNorm2dImpl bn =
            register_module("shortcut_bn", new BatchNorm2dImpl(new BatchNormOptions(out)));
        shortcut = input -> bn.forward(conv.forward(input));
      }
    }

    Tensor forward(Tensor input) {
      Tensor output = torch.relu(bn1.forward(conv1.forward(input)));
      output = bn2.forward(conv2.forward(output));
      return torch.relu(output.add(shortcut.apply(input)));
    }
  }

  private static final class ResNet18 extends Module {
    private final Conv2dImpl conv = register_module("conv", convolution(3, 64, 7, 2, 3, false));
    private final BatchNorm2dImpl bn =
        register_module("bn", new BatchNorm2dImpl(new BatchNormOptions(64)));
    private final List<ResidualBlock> blocks = new ArrayList<>();
    private final LinearImpl linear;

    ResNet18() {
      long in = 64;
      for (long out : new long[] {64, 64, 128, 128, 256, 256, 512, 512}) {
        ResidualBlock block = new ResidualBlock(in, out, in == out ? 1 : 2);
        blocks.add(register_module("block" + blocks.size(), block));
        in = out;
      }
      linear = register_module("linear", new LinearImpl(in, NetworkShape.CLASSES));
    }

    Tensor forward(Tensor input) {
      Tensor output =
          torch.max_pool2d(
              torch.relu(bn.forward(conv.forward(input))),
              new long[] {3, 3},
              new long[] {2, 2},
              new long[] {1, 1},
              new long[] {1, 1},
              false);
      for (ResidualBlock block : blocks) {
        output = block.forward(output);
      }
      return linear.forward(
          torch.flatten(torch.adaptive_avg_pool2d(output, new long[] {1, 1}), 1, -1));
    }
  }
}

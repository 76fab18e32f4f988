package org.lrfinder.benchmarks.quality;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.EmbeddingImpl;
import org.bytedeco.pytorch.EmbeddingOptions;
import org.bytedeco.pytorch.GRUImpl;
import org.bytedeco.pytorch.GRUOptions;
import org.bytedeco.pytorch.LSTMImpl;
import org.bytedeco.pytorch.LSTMOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.TransformerEncoderLayerImpl;
import org.bytedeco.pytorch.TransformerEncoderLayerOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.internal.models.Network;

/**
 * The network of a {@link Task}: an array of layers is what the command line reads, an object one
 * of these classes, whose forward pass is computed in Java. Rows of numbers come in; those that
 * count characters or categories are made whole numbers here.
 */
abstract class TaskNetwork extends Module {
  /** Makes the network with weights from the generator as it is. */
  static TaskNetwork of(JsonNode model) {
    if (model.isArray()) {
      return new Layers(Network.of(model));
    }
    String type = model.get("type").asText();
    return switch (type) {
      case "transformer" -> new Transformer(model);
      case "lstm" -> new Lstm(model);
      case "embedding" -> new Embedding(model);
      case "gru" -> new Gru(model);
      case "low_rank" -> new LowRank(model);
      default -> throw new IllegalArgumentException("there is no network of type " + type);
    };
  }

  abstract Tensor forward(Tensor input);

  /** {@return what is trained and put back: this, or the layers that engines forward natively} */
  Module module() {
    return this;
  }

  /** {@return the layers, if engines forward them natively} */
  Optional<SequentialImpl> sequential() {
    return Optional.empty();
  }

  /** {@return what saved weights are for, in their order: all parameters} */
  TensorVector saved() {
    return module().parameters();
  }

  /** {@return what the optimizer updates} */
  TensorVector trained() {
    return module().parameters();
  }

  private static int number(JsonNode model, String field) {
    return model.get(field).asInt();
  }

  private static EmbeddingImpl embedding(JsonNode model) {
    return new EmbeddingImpl(
        new EmbeddingOptions(number(model, "vocabulary"), number(model, "width")));
  }

  private static Tensor whole(Tensor input) {
    return input.to(ScalarType.Long);
  }

  private static Tensor last(Tensor sequence) {
    return sequence.select(1, sequence.size(1) - 1);
  }

  private static final class Layers extends TaskNetwork {
    private final Network network;

    Layers(Network network) {
      this.network = network;
    }

    @Override
    Tensor forward(Tensor input) {
      return network.module().forward(input);
    }

    @Override
    Module module() {
      return network.module();
    }

    @Override
    Optional<SequentialImpl> sequential() {
      return Optional.of(network.module());
    }
  }

  /** A layer of attention over the characters so far, whose last position says the next one. */
  private static final class Transformer extends TaskNetwork {
    private final EmbeddingImpl characters;
    private final EmbeddingImpl positions;
    private final TransformerEncoderLayerImpl layer;
    private final LinearImpl head;

    Transformer(JsonNode model) {
      int width = number(model, "width");
      characters = register_module("characters", embedding(model));
      positions =
          register_module(
              "positions",
              new EmbeddingImpl(new EmbeddingOptions(number(model, "context"), width)));
      TransformerEncoderLayerOptions options = new TransformerEncoderLayerOptions(width, 4);
      options.dim_feedforward().put(number(model, "hidden"));
      options.dropout().put(0);
      layer = register_module("layer", new TransformerEncoderLayerImpl(options));
      head = register_module("head", new LinearImpl(width, number(model, "vocabulary")));
    }

    @Override
    Tensor forward(Tensor input) {
      Tensor embedded = characters.forward(whole(input)).add(positions.weight());
      return head.forward(last(layer.forward(embedded.transpose(0, 1)).transpose(0, 1)));
    }
  }

  private static final class Lstm extends TaskNetwork {
    private final EmbeddingImpl characters;
    private final LSTMImpl layer;
    private final LinearImpl head;

    Lstm(JsonNode model) {
      characters = register_module("characters", embedding(model));
      LSTMOptions options = new LSTMOptions(number(model, "width"), number(model, "hidden"));
      options.batch_first().put(true);
      layer = register_module("layer", new LSTMImpl(options));
      head =
          register_module(
              "head", new LinearImpl(number(model, "hidden"), number(model, "vocabulary")));
    }

    @Override
    Tensor forward(Tensor input) {
      return head.forward(last(layer.forward(characters.forward(whole(input))).get0()));
    }
  }

  /** Characters or categories side by side, and one hidden layer. */
  private static final class Embedding extends TaskNetwork {
    private final EmbeddingImpl characters;
    private final LinearImpl hidden;
    private final LinearImpl head;

    Embedding(JsonNode model) {
      int width = number(model, "hidden");
      characters = register_module("characters", embedding(model));
      hidden =
          register_module(
              "hidden",
              new LinearImpl((long) number(model, "context") * number(model, "width"), width));
      int classes = model.path("classes").asInt(number(model, "vocabulary"));
      head = register_module("head", new LinearImpl(width, classes));
    }

    @Override
    Tensor forward(Tensor input) {
      Tensor side = characters.forward(whole(input)).flatten(1, -1);
      return head.forward(torch.relu(hidden.forward(side)));
    }
  }

  /** Over a series of numbers, one at a time. */
  private static final class Gru extends TaskNetwork {
    private final GRUImpl layer;
    private final LinearImpl head;

    Gru(JsonNode model) {
      GRUOptions options = new GRUOptions(1, number(model, "hidden"));
      options.batch_first().put(true);
      layer = register_module("layer", new GRUImpl(options));
      head = register_module("head", new LinearImpl(number(model, "hidden"), 1));
    }

    @Override
    Tensor forward(Tensor input) {
      return head.forward(last(layer.forward(input.unsqueeze(2)).get0()));
    }
  }

  /**
   * A trained perceptron that stays as it is, and beside each of its layers a product of two narrow
   * matrices, the second of which begins at zero (E. Hu and others, <i>LoRA: Low-Rank Adaptation of
   * Large Language Models</i>, 2021).
   */
  private static final class LowRank extends TaskNetwork {
    private final List<LinearImpl> kept = new ArrayList<>();
    private final List<LinearImpl> down = new ArrayList<>();
    private final List<LinearImpl> up = new ArrayList<>();

    LowRank(JsonNode model) {
      JsonNode widths = model.get("widths");
      int rank = number(model, "rank");
      for (int i = 0; i + 1 < widths.size(); i++) {
        int in = widths.get(i).asInt();
        int out = widths.get(i + 1).asInt();
        kept.add(register_module("kept" + i, new LinearImpl(in, out)));
        down.add(register_module("down" + i, new LinearImpl(in, rank)));
        up.add(register_module("up" + i, new LinearImpl(rank, out)));
      }
      kept.forEach(
          layer -> {
            layer.weight().set_requires_grad(false);
            layer.bias().set_requires_grad(false);
          });
      try (NoGradGuard noGrad = new NoGradGuard()) {
        for (LinearImpl layer : up) {
          layer.weight().zero_();
          layer.bias().zero_();
        }
      }
    }

    @Override
    Tensor forward(Tensor input) {
      Tensor output = input;
      for (int i = 0; i < kept.size(); i++) {
        output = i == 0 ? output : torch.relu(output);
        Tensor beside = up.get(i).forward(down.get(i).forward(output));
        output = kept.get(i).forward(output).add(beside);
      }
      return output;
    }

    @Override
    TensorVector saved() {
      return parameters(kept);
    }

    @Override
    TensorVector trained() {
      TensorVector trained = parameters(down);
      TensorVector second = parameters(up);
      for (long i = 0; i < second.size(); i++) {
        trained.push_back(second.get(i));
      }
      return trained;
    }

    private static TensorVector parameters(List<LinearImpl> layers) {
      TensorVector all = new TensorVector();
      for (LinearImpl layer : layers) {
        all.push_back(layer.weight());
        all.push_back(layer.bias());
      }
      return all;
    }
  }
}

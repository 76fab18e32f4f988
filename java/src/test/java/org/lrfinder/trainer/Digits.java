package org.lrfinder.trainer;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.ReLUImpl;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.Models;
import org.lrfinder.data.Batch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.sweep.Loss;

/** A small network on the digits data, three quarters of it for training: as a user writes it. */
class Digits implements Model {
  /** What makes an optimizer at a rate. */
  interface AtRate {
    Optimizer over(TensorVector parameters, double lr);
  }

  private static final List<Tensor> DATA = load();

  double lr;
  final SequentialImpl network;
  private final AtRate optimizer;

  Digits(double lr, AtRate optimizer) {
    this.lr = lr;
    this.optimizer = optimizer;
    torch.manual_seed(1);
    network = Models.keep(new SequentialImpl());
    network.push_back(Models.keep(new LinearImpl(64, 64)));
    network.push_back(Models.keep(new ReLUImpl()));
    network.push_back(Models.keep(new LinearImpl(64, 10)));
  }

  @Override
  public SequentialImpl module() {
    return network;
  }

  @Override
  public Optional<Loss> loss() {
    return Optional.of(Loss.CROSS_ENTROPY);
  }

  @Override
  public Optimizer configureOptimizers() {
    return Models.keep(optimizer.over(network.parameters(), lr));
  }

  @Override
  public Iterable<Batch> trainBatches() {
    return TensorBatches.of(DATA.get(0), DATA.get(1), 32).shuffled(1);
  }

  @Override
  public Iterable<Batch> validationBatches() {
    return TensorBatches.of(DATA.get(2), DATA.get(3), 64).keepingPartial();
  }

  double accuracy() {
    try (PointerScope scope = new PointerScope()) {
      NoGradGuard noGrad = new NoGradGuard();
      Tensor predicted = network.forward(DATA.get(2)).argmax(new LongOptional(1), false);
      return predicted.eq(DATA.get(3)).sum().item_double() / DATA.get(3).numel();
    }
  }

  private static List<Tensor> load() {
    Path file = Path.of(System.getProperty("lrfinder.data"), "digits.csv.gz");
    List<float[]> rows = new ArrayList<>();
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
      in.readLine();
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        String[] cells = line.split(",");
        float[] row = new float[cells.length];
        for (int i = 0; i < row.length; i++) {
          row[i] = Float.parseFloat(cells[i]);
        }
        rows.add(row);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    int pixels = rows.get(0).length - 1;
    float[] inputs = new float[rows.size() * pixels];
    long[] targets = new long[rows.size()];
    for (int i = 0; i < targets.length; i++) {
      for (int j = 0; j < pixels; j++) {
        inputs[i * pixels + j] = rows.get(i)[j] / 16;
      }
      targets[i] = (long) rows.get(i)[pixels];
    }
    torch.manual_seed(5);
    Tensor order = torch.randperm(targets.length);
    Tensor input = Tensor.create(inputs, targets.length, pixels).index_select(0, order);
    Tensor target = Tensor.create(targets).index_select(0, order);
    int train = targets.length * 3 / 4;
    return List.of(
        input.narrow(0, 0, train).contiguous(),
        target.narrow(0, 0, train).contiguous(),
        input.narrow(0, train, targets.length - train).contiguous(),
        target.narrow(0, train, targets.length - train).contiguous());
  }
}

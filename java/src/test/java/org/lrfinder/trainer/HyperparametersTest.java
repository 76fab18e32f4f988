package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.lrfinder.data.Batch;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OptimizerSpec;
import org.yaml.snakeyaml.Yaml;

/** Hyperparameters of all kinds: logged, saved and restored. */
class HyperparametersTest extends TrainerFixture {
  private Map<String, Object> logged() throws IOException {
    return new Yaml()
        .load(Files.readString(folder.resolve("lrfinder_logs/version_0/hparams.yaml")));
  }

  private enum Activation {
    RELU,
    TANH
  }

  private static class Inner {
    double rate = 0.1;
    Inner self = this; // goes round in a circle
  }

  private static final class Everything {
    double lr = 1e-3;
    float single = 0.1f;
    long seed = 1L << 40;
    short small = 3;
    char letter = 'a';
    boolean bias = true;
    double nothing = Double.NaN;
    double limit = Double.POSITIVE_INFINITY;
    double large = 1e10;
    @Nullable String name = "yes: no";
    @Nullable String missing = null;
    Activation activation = Activation.RELU;
    Optional<String> maybe = Optional.of("x");
    int[] layers = {64, 64};
    List<Integer> none = new ArrayList<>();
    List<Integer> noneEither = new ArrayList<>();
    Inner inner = new Inner();
    final int fixed = 8;
  }

  private static final class WithBean extends ModelUnderTest {
    final Everything everything = new Everything();

    @Override
    public Everything hyperparameters() {
      return everything;
    }
  }

  @Test
  void aBeanIsLoggedAsPlainValues() throws IOException {
    trainer().build().fit(new WithBean());
    assertThat(logged())
        .containsEntry("lr", 1e-3)
        .containsEntry("single", 0.1)
        .containsEntry("seed", 1L << 40)
        .containsEntry("letter", "a")
        .containsEntry("nothing", Double.NaN)
        .containsEntry("limit", Double.POSITIVE_INFINITY)
        .containsEntry("large", 1e10)
        .containsEntry("name", "yes: no")
        .containsEntry("missing", null)
        .containsEntry("activation", "RELU")
        .containsEntry("maybe", "x")
        .containsEntry("layers", List.of(64, 64))
        .containsEntry("fixed", 8);
    assertThat(((Map<?, ?>) logged().get("inner")).get("rate")).isEqualTo(0.1);
    assertThat(Files.readString(folder.resolve("lrfinder_logs/version_0/hparams.yaml")))
        .doesNotContain("&id", "@")
        .contains("large: 1.0E+10");
  }

  @Test
  void aBeanIsRestoredInItsOwnTypesAndInPlace() {
    Path file = folder.resolve("bean.ckpt");
    Trainer trainer = trainer().build();
    trainer.fit(new WithBean());
    trainer.saveCheckpoint(file);

    WithBean other = new WithBean();
    Everything changed = other.everything;
    Inner inner = changed.inner;
    changed.lr = 5;
    changed.single = 5;
    changed.seed = 5;
    changed.small = 5;
    changed.letter = 'z';
    changed.bias = false;
    changed.nothing = 5;
    changed.limit = 5;
    changed.name = "other";
    changed.missing = "there";
    changed.activation = Activation.TANH;
    inner.rate = 5;
    Trainer second = trainer().build();
    second.restore(file);
    second.fit(other);

    assertThat(changed)
        .usingRecursiveComparison()
        .ignoringFields("inner", "layers", "nothing") // NaN is not itself there
        .isEqualTo(new Everything());
    assertThat(changed.nothing).isNaN();
    assertThat(inner.rate).isEqualTo(0.1);
  }

  @Test
  void aMapKeepsItsTypes() {
    class WithMap extends ModelUnderTest {
      final Map<String, Object> values =
          new LinkedHashMap<>(
              Map.of(
                  "seed",
                  7L,
                  "act",
                  Activation.RELU,
                  "optimizer",
                  new LinkedHashMap<>(Map.of("rate", 0.1))));
      double rate = 0.5;

      @Override
      public Map<String, Object> hyperparameters() {
        return values;
      }
    }
    Path file = folder.resolve("map.ckpt");
    WithMap first = new WithMap();
    Trainer trainer = trainer().autoLrFind("optimizer.rate").build();
    double found = trainer.fit(first).lrFind().orElseThrow().suggestion().orElseThrow().lr();
    trainer.saveCheckpoint(file);

    WithMap other = new WithMap();
    Object nested = other.values.get("optimizer");
    other.values.put("seed", 1L);
    other.values.put("act", Activation.TANH);
    Trainer second = trainer().build();
    second.restore(file);
    second.fit(other);

    assertThat(other.values).containsEntry("seed", 7L).containsEntry("act", Activation.RELU);
    assertThat(nested).isEqualTo(Map.of("rate", found)).isSameAs(other.values.get("optimizer"));
    assertThat(other.rate).as("another value of the path's last name").isEqualTo(0.5);
  }

  /** As users of Lightning write it: the network is the model. */
  private static final class Itself extends Module implements Model {
    double lr = 1e-3;
    private final LinearImpl layer = Models.keep(new LinearImpl(Models.FEATURES, Models.CLASSES));
    private final ModelUnderTest data = new ModelUnderTest();

    Itself() {
      register_module("layer", layer);
      data.batches.list.replaceAll(
          batch -> new Batch(batch.input().to(torch.ScalarType.Float), batch.target()));
    }

    @Override
    public Module module() {
      return this;
    }

    @Override
    public Tensor trainingStep(Batch batch) {
      return torch.cross_entropy_loss(layer.forward(batch.input()), batch.target());
    }

    @Override
    public Optimizer configureOptimizers() {
      return OptimizerSpec.ADAM.over(this);
    }

    @Override
    public Iterable<Batch> trainBatches() {
      return data.batches;
    }
  }

  @Test
  void aModelThatIsAModuleHasItsOwnFieldsAlone() throws IOException {
    Path file = folder.resolve("itself.ckpt");
    Itself model = new Itself();
    long address = model.address();
    Trainer trainer = trainer().build();
    trainer.fit(model);
    trainer.saveCheckpoint(file);
    assertThat(logged()).containsOnlyKeys("lr");

    Itself other = new Itself();
    long otherAddress = other.address();
    other.lr = 5;
    Trainer second = trainer().build();
    second.restore(file);
    second.fit(other);
    assertThat(other.lr).isEqualTo(1e-3);
    assertThat(other.address()).isEqualTo(otherAddress).isNotEqualTo(address);
  }
}

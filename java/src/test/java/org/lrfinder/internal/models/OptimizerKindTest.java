package org.lrfinder.internal.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.SGDOptions;
import org.junit.jupiter.api.Test;

class OptimizerKindTest {
  @Test
  void optionsAreSetByTheirNames() {
    SGDOptions sgd =
        (SGDOptions)
            OptimizerKind.MOMENTUM.options(0.1, Map.of("weight_decay", 0.25, "nesterov", true));
    assertThat(List.of(sgd.lr().get(), sgd.momentum().get(), sgd.weight_decay().get()))
        .containsExactly(0.1, 0.9, 0.25);
    assertThat(sgd.nesterov().get()).isTrue();
  }

  @Test
  void anOptionThatItLacksIsRefused() {
    assertThatThrownBy(() -> OptimizerKind.ADAM.options(0.1, Map.of("momentum", 0.5)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("adam has no momentum");
    assertThat(OptimizerKind.ADAM.options(0.1, Map.of())).isInstanceOf(AdamOptions.class);
  }
}

package org.lrfinder.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Module;
import org.junit.jupiter.api.Test;

class EvalModeTest {
  private static final class Refusing extends Module {
    @Override
    public void eval() {
      super.eval();
      throw new IllegalStateException("not me");
    }
  }

  @Test
  void aNetworkThatRefusesItIsAsBeforeAndSoIsTheGradMode() {
    Module network = new Refusing();
    SweepSubject subject = SweepSubject.of(network);

    assertThatThrownBy(() -> new EvalMode(subject)).hasMessage("not me");

    assertThat(GradMode.is_enabled()).isTrue();
    assertThat(network.is_training()).isTrue();
  }
}

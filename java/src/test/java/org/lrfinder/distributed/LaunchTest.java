package org.lrfinder.distributed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LaunchTest {
  private final Map<String, String> environment =
      new HashMap<>(
          Map.of(
              "RANK", "0",
              "WORLD_SIZE", "2",
              "MASTER_ADDR", "node-1",
              "MASTER_PORT", "40000"));

  @Test
  void readsWhatLaunchersSet() {
    assertThat(Launch.isIn(environment)).isTrue();
    assertThat(Launch.of(environment)).isEqualTo(new Launch(0, 2, "node-1", 40000, true, "0"));
    environment.put("RANK", "1");
    assertThat(Launch.of(environment).serves()).isFalse();
  }

  @Test
  void leavesTheStoreToTorchrunsAgent() {
    environment.put("TORCHELASTIC_USE_AGENT_STORE", "True");
    environment.put("TORCHELASTIC_RESTART_COUNT", "3");

    assertThat(Launch.of(environment)).isEqualTo(new Launch(0, 2, "node-1", 40000, false, "3"));
  }

  @Test
  void knowsAProcessAlone() {
    assertThat(Launch.isIn(Map.of())).isFalse();
    environment.put("WORLD_SIZE", "1");
    assertThat(Launch.isIn(environment)).isFalse();
    environment.remove("RANK");
    assertThat(Launch.isIn(environment)).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "RANK,2,a number from 0 to 1",
    "RANK,first,a number from 0 to 1",
    "WORLD_SIZE,0,a number from 1 to 2147483647",
    "MASTER_PORT,70000,a number from 1 to 65535",
    "MASTER_ADDR,'',set"
  })
  void namesWhatIsWrong(String name, String value, String expected) {
    environment.put(name, value);

    assertThatThrownBy(() -> Launch.of(environment))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith(
            "the environment variable %s is '%s', but must be %s: start the processes with torchrun --no-python",
            name, value, expected);
  }

  @Test
  void namesWhatIsMissing() {
    environment.remove("MASTER_PORT");

    assertThatThrownBy(() -> Launch.of(environment))
        .hasMessageStartingWith(
            "the environment variable MASTER_PORT is not set, but must be set: start");
  }
}

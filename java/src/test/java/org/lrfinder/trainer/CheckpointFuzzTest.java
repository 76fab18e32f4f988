package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32C;
import java.util.zip.CheckedOutputStream;
import org.bytedeco.pytorch.OutputArchive;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.testkit.OwnJvm;

/** Checkpoints of somebody who means harm. */
class CheckpointFuzzTest {
  /** Of each of the JVMs; 2000 make the ten thousand that a change of the format needs. */
  private static final String MUTATIONS = System.getProperty("lrfinder.fuzz.checkpoints", "200");

  private static final int JVMS = Integer.getInteger("lrfinder.fuzz.jvms", 1);

  @TempDir private Path folder;

  @Test
  void whateverACheckpointSaysNothingCrashesAndWhatIsRefusedChangesNothing() throws Exception {
    for (int seed = 1; seed <= JVMS; seed++) {
      String printed =
          OwnJvm.run(
              List.of("-Dorg.slf4j.simpleLogger.defaultLogLevel=error"),
              CheckpointFuzz.class,
              folder.toString(),
              MUTATIONS,
              Integer.toString(seed));
      assertThat(printed).containsPattern("[1-9]\\d* refused, [1-9]\\d* taken");
    }
  }

  /** It crashed: libtorch reads as many bytes as the archive says there are. */
  @Test
  void anArchiveOfLibtorchIsNoCheckpoint() throws IOException {
    Path file = folder.resolve("large.ckpt");
    OutputArchive archive = new OutputArchive();
    archive.write("contents", Tensor.create(new byte[] {'{'}, 1).expand(1 << 30));
    archive.save_to(file.toString());
    byte[] bytes = Files.readAllBytes(file);
    seal(file, bytes);
    Trainer trainer = Trainer.builder().maxEpochs(1).build();
    assertThatThrownBy(() -> trainer.restore(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("is a checkpoint of another version of lrfinder");
    Files.write(file, bytes);
    assertThatThrownBy(() -> trainer.restore(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("it does not end with a checksum");
  }

  @Test
  void aTensorOfMoreBytesThanThereAreIsRefused() throws IOException {
    for (String shape : new String[] {"1073741824", "4294967296,4294967296", "-1", "0,9"}) {
      Path file = folder.resolve("shape.ckpt");
      String json =
          """
          {"progress":{"epoch":0,"step":0,"batches":0,"epochSteps":0,"lossSum":0},"epochLosses":[],"optimizer":"x",
           "optimizerState":{"parts":{}},"tensors":[{"name":"parameter 0.weight","type":"Byte","shape":[%s]}],
           "hyperparameters":{}}
          """
              .formatted(shape);
      seal(file, ("lrfinder checkpoint, format 3\n" + length(json) + json + "x"));
      assertThatThrownBy(() -> Trainer.builder().maxEpochs(1).build().restore(file))
          .as(shape)
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("shape.ckpt is no checkpoint of lrfinder: ");
    }
  }

  private static String length(String json) {
    char size = (char) json.length();
    return "\0\0" + (char) (size >> 8) + (char) (size & 255);
  }

  private static void seal(Path file, String content) throws IOException {
    seal(file, content.getBytes(StandardCharsets.ISO_8859_1));
  }

  private static void seal(Path file, byte[] content) throws IOException {
    try (CheckedOutputStream out =
        new CheckedOutputStream(Files.newOutputStream(file), new CRC32C())) {
      out.write(content);
      int checksum = (int) out.getChecksum().getValue();
      new DataOutputStream(out)
          .writeBytes("lrfinder checkpoint, CRC-32C %08x\n".formatted(checksum));
    }
  }
}

package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.zip.CRC32C;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.testkit.ModelState;

/**
 * Restores mutated checkpoints whose seal is right, as one has who makes them on purpose: each is
 * refused in words and nothing has changed, or taken. A JVM that goes on is one that did not crash.
 */
final class CheckpointFuzz {
  private static final String HEAD = "lrfinder checkpoint, format 3\n";
  private static final int SEAL_LENGTH = "lrfinder checkpoint, CRC-32C 00000000\n".length();
  private static final String[] WORDS = {
    "-1",
    "0",
    "1",
    "7",
    "2147483647",
    "9223372036854775807",
    "1e308",
    "null",
    "true",
    "[]",
    "{}",
    "\"x\"",
    "Float",
    "Double",
    "Bool",
    "Byte",
    "Long"
  };

  private final Path folder;
  private final Random random;
  private Optimizer made;

  private CheckpointFuzz(Path folder, long seed) {
    this.folder = folder;
    this.random = new Random(seed);
  }

  /** Takes a folder, a number of mutations and a seed; prints how many were refused and taken. */
  public static void main(String[] arguments) throws IOException {
    new CheckpointFuzz(Path.of(arguments[0]), Long.parseLong(arguments[2]))
        .run(Integer.parseInt(arguments[1]));
  }

  private void run(int mutations) throws IOException {
    torch.manual_seed(1);
    ModelUnderTest model =
        new ModelUnderTest() {
          @Override
          public Optimizer configureOptimizers() {
            made = super.configureOptimizers();
            return made;
          }
        };
    Trainer trainer =
        Trainer.builder()
            .maxEpochs(1)
            .logger(MetricsLogger.NONE)
            .console(new PrintStream(OutputStream.nullOutputStream()))
            .build();
    trainer.fit(model);
    Path file = folder.resolve("whole.ckpt");
    trainer.saveCheckpoint(file);
    byte[] whole = Files.readAllBytes(file);
    trainer.restore(file);
    Optimizer optimizer = made; // the model's own: those of refused restores are nobody's
    ModelState before = ModelState.of(model.network, optimizer);
    Path mutated = folder.resolve("mutated.ckpt");
    int refused = 0;
    for (int i = 0; i < mutations; i++) {
      Files.write(mutated, sealed(mutation(whole)));
      try (PointerScope scope = new PointerScope()) {
        try {
          trainer.restore(mutated);
          trainer.restore(file);
          optimizer = made;
          optimizer.retainReference();
        } catch (IllegalArgumentException e) {
          refused++;
          assertThat(e.getMessage()).startsWith(mutated.toString());
        }
        before.assertUnchangedIn(ModelState.of(model.network, optimizer));
      }
    }
    System.out.printf("%d refused, %d taken%n", refused, mutations - refused);
  }

  /** Of its bytes, most of them where it says what it holds, or of a word of that. */
  private byte[] mutation(byte[] whole) {
    int start = HEAD.length() + Integer.BYTES;
    int length = ByteBuffer.wrap(whole).getInt(HEAD.length());
    if (random.nextInt(3) > 0) {
      String json = new String(whole, start, length, StandardCharsets.UTF_8);
      for (int i = random.nextInt(2); i >= 0; i--) {
        json = withOtherWord(json);
      }
      byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
      int rest = whole.length - SEAL_LENGTH - start - length;
      return ByteBuffer.allocate(start + bytes.length + rest + SEAL_LENGTH)
          .put(whole, 0, HEAD.length())
          .putInt(bytes.length)
          .put(bytes)
          .put(whole, start + length, rest)
          .array();
    }
    byte[] bytes = whole.clone();
    int most = random.nextBoolean() ? start + length : bytes.length - SEAL_LENGTH;
    for (int i = random.nextInt(4); i >= 0; i--) {
      bytes[random.nextInt(most)] = (byte) random.nextInt(256);
    }
    return bytes;
  }

  /** Puts another value where one is. */
  private String withOtherWord(String json) {
    int from = random.nextInt(json.length());
    while (from < json.length() && !Character.isLetterOrDigit(json.charAt(from))) {
      from++;
    }
    int to = from;
    while (to < json.length() && Character.isLetterOrDigit(json.charAt(to))) {
      to++;
    }
    return json.substring(0, from) + WORDS[random.nextInt(WORDS.length)] + json.substring(to);
  }

  private static byte[] sealed(byte[] bytes) {
    int end = bytes.length - SEAL_LENGTH;
    CRC32C checksum = new CRC32C();
    checksum.update(bytes, 0, end);
    byte[] seal =
        "lrfinder checkpoint, CRC-32C %08x\n"
            .formatted((int) checksum.getValue())
            .getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(seal, 0, bytes, end, SEAL_LENGTH);
    return bytes;
  }
}

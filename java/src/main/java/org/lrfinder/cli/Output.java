package org.lrfinder.cli;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The standard output, which remembers what java.io's writers hide: that some of it was lost. */
final class Output extends FilterOutputStream {
  private @Nullable String problem;

  Output(OutputStream out) {
    super(out);
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    try {
      out.write(bytes, offset, length);
    } catch (IOException e) {
      problem = String.valueOf(e.getMessage());
      throw e;
    }
  }

  /** {@return why output was lost; nothing if its reader, such as head, had enough of it} */
  Optional<String> lost() {
    return Optional.ofNullable(problem)
        .filter(words -> !words.toLowerCase(Locale.ROOT).contains("pipe"));
  }
}

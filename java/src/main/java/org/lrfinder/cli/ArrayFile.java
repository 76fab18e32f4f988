package org.lrfinder.cli;

import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.models.Limits;
import picocli.CommandLine.ITypeConverter;

/**
 * An array in a file of NumPy's: {@code x.npy}, {@code data.npz:x}.
 *
 * @param name which array of an {@code .npz}; null for the only one, or in an {@code .npy}
 */
record ArrayFile(Path file, @Nullable String name) {
  private static final String ENDING = ".npy";
  private static final int MOST_NAMES = 20; // in a message

  /** Reads one from the command line. */
  static final class Converter implements ITypeConverter<ArrayFile> {
    @Override
    public ArrayFile convert(String text) {
      int colon = text.lastIndexOf(':');
      return colon < 0 || Files.exists(Path.of(text))
          ? new ArrayFile(Path.of(text), null)
          : new ArrayFile(Path.of(text.substring(0, colon)), text.substring(colon + 1));
    }
  }

  @Override
  public String toString() {
    return name == null ? file.toString() : file + ":" + name;
  }

  /**
   * Reads it.
   *
   * @return as {@link NpyReader#read}
   * @throws InterruptedException if the thread is interrupted, also while it waits for a pipe
   */
  Tensor read(Limits limits) throws InterruptedException {
    try (FileInputStream stream = new FileInputStream(file.toFile());
        FileChannel channel = stream.getChannel();
        InputStream in = Channels.newInputStream(channel)) {
      byte[] start = in.readNBytes(NpyReader.MAGIC.length);
      FileKind kind = FileKind.of(start);
      if (kind == FileKind.NPY) {
        if (name != null) {
          throw new InputException(
              "%s is one array, in which there is no \"%s\": leave the name out"
                  .formatted(file, name));
        }
        return NpyReader.read(in, file.toString(), limits);
      }
      if (kind != FileKind.ZIP) {
        throw new InputException(
            "%s is no array of NumPy's, .npy or .npz%s"
                .formatted(
                    file,
                    switch (kind) {
                      case PICKLE ->
                          ", but a pickle, which runs what it likes when it is read, and is not read here: save arrays by np.save(..., allow_pickle=False)";
                      case GZIP -> ", but gzipped: unpack it first";
                      default -> ": it begins with neither's first bytes";
                    }));
      }
    } catch (FileNotFoundException e) {
      throw new InputException(
          Files.exists(file) ? "cannot read " + e.getMessage() : "there is no file " + file);
    } catch (ClosedByInterruptException e) {
      throw new InterruptedException();
    } catch (IOException e) {
      throw new InputException("cannot read %s: %s".formatted(file, e.getMessage()));
    }
    return fromZip(limits);
  }

  private Tensor fromZip(Limits limits) throws InterruptedException {
    try (ZipFile zip = new ZipFile(file.toFile())) {
      ZipEntry entry = entry(zip);
      CheckedInputStream in = new CheckedInputStream(zip.getInputStream(entry), new CRC32());
      String called = file + ":" + key(entry);
      if (FileKind.of(in.readNBytes(NpyReader.MAGIC.length)) != FileKind.NPY) {
        throw new InputException(called + " is no array of NumPy's");
      }
      Tensor array = NpyReader.read(in, called, limits);
      if (in.getChecksum().getValue() != entry.getCrc()) {
        throw new InputException(called + " is damaged: its checksum is another");
      }
      return array;
    } catch (IOException e) { // a ZipException, or the EOFException of a stream cut off
      boolean cut = e instanceof ZipException && e.getMessage().contains("END header");
      throw new InputException(
          cut
              ? file + " is a zip file whose end is missing: was it copied in part?"
              : "%s is damaged: %s".formatted(file, e.getMessage()));
    }
  }

  private ZipEntry entry(ZipFile zip) {
    if (name != null) {
      ZipEntry named = zip.getEntry(name + ENDING);
      if (named != null) {
        return named;
      }
    }
    List<? extends ZipEntry> arrays =
        zip.stream().filter(each -> each.getName().endsWith(ENDING)).toList();
    if (arrays.isEmpty()) {
      throw new InputException(
          "%s has no array: %s"
              .formatted(
                  file,
                  zip.stream().anyMatch(each -> each.getName().endsWith("/data.pkl"))
                      ? "it is a pickle of torch.save, which is not read here; save arrays by np.savez"
                      : "np.savez makes files of arrays"));
    }
    if (name == null && arrays.size() == 1) {
      return arrays.get(0);
    }
    String names =
        arrays.stream().limit(MOST_NAMES).map(ArrayFile::key).collect(Collectors.joining(", "));
    throw new InputException(
        "%s has %s: there %s %s%s"
            .formatted(
                file,
                name == null
                    ? arrays.size() + " arrays, of which one must be named, such as " + file + ":x"
                    : "no array \"" + name + "\"",
                arrays.size() == 1 ? "is" : "are",
                names,
                arrays.size() > MOST_NAMES ? ", ..." : ""));
  }

  private static String key(ZipEntry entry) {
    return entry.getName().substring(0, entry.getName().length() - ENDING.length());
  }
}

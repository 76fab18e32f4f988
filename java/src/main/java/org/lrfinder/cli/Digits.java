package org.lrfinder.cli;

import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/**
 * The digits data that ships with the demo: 1797 images of 8 by 8 pixels, classes 0 to 9 (E.
 * Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
 * Repository, 1998, CC BY 4.0).
 *
 * @param pixels shape {@code [1797, 64]}, Float, 0 to 1
 * @param classes shape {@code [1797]}, Long
 */
record Digits(Tensor pixels, Tensor classes) implements AutoCloseable {
  private static final int PIXELS = 64;
  private static final float BRIGHTEST = 16;

  static Digits load() throws IOException {
    List<CsvRecord> records;
    try (InputStream file = Digits.class.getResourceAsStream("digits.csv.gz");
        CsvReader<CsvRecord> reader =
            CsvReader.builder()
                .ofCsvRecord(
                    new InputStreamReader(new GZIPInputStream(file), StandardCharsets.UTF_8))) {
      records = reader.stream().skip(1).toList();
    }
    float[] pixels = new float[records.size() * PIXELS];
    long[] classes = new long[records.size()];
    for (int row = 0; row < records.size(); row++) {
      CsvRecord record = records.get(row);
      for (int column = 0; column < PIXELS; column++) {
        pixels[row * PIXELS + column] = Float.parseFloat(record.getField(column)) / BRIGHTEST;
      }
      classes[row] = Long.parseLong(record.getField(PIXELS));
    }
    try (PointerScope scope = new PointerScope()) {
      Tensor pixelTensor = Tensor.create(pixels, records.size(), PIXELS);
      Tensor classTensor = Tensor.create(classes);
      pixelTensor.retainReference();
      classTensor.retainReference();
      return new Digits(pixelTensor, classTensor);
    }
  }

  @Override
  public void close() {
    pixels.close();
    classes.close();
  }
}

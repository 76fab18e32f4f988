package org.lrfinder.suggestion;

/**
 * A sum that remembers what rounding lost of it, after Kahan, to the bit as {@code DoubleStream}
 * computes its averages; a stream takes a cold JVM longer than all else that a rule does.
 */
final class Sum {
  private double sum;
  private double lost;
  private double plain; // tells infinite from NaN
  private int count;

  void add(double value) {
    double corrected = value - lost;
    double next = sum + corrected;
    lost = next - sum - corrected;
    sum = next;
    plain += value;
    count++;
  }

  /** Of one value at least. */
  double mean() {
    double whole = sum - lost;
    return (Double.isNaN(whole) && Double.isInfinite(plain) ? plain : whole) / count;
  }
}

package org.lrfinder.internal.models;

import java.util.Locale;

/** What the command line bounds of its input, so that no file and no option takes all there is. */
public enum Limit {
  /** Of a table, after unpacking. */
  BYTES(1L << 30, Long.MAX_VALUE, "bytes"),
  CELLS(50_000_000, Integer.MAX_VALUE - 8, "cells"),
  CLASSES(100_000, Integer.MAX_VALUE - 8, "different values of the target"),
  /** Of a network's file. */
  JSON(1 << 24, Long.MAX_VALUE, "bytes of JSON"),
  LAYERS(1_000, Integer.MAX_VALUE, "layers"),
  PARAMETERS(100_000_000, Long.MAX_VALUE, "parameters"),
  /** How deep a network's JSON may be nested. */
  NESTING(100, 1_000, "levels"),
  /** Of a name, a word or a number in a table or a network's file. */
  NAME(1_000, 1 << 20, "characters"),
  /** Of all repeats together, and of the budget. */
  STEPS(1_000_000, Integer.MAX_VALUE, "steps");

  private final long usual;
  private final long most;
  private final String unit;

  Limit(long usual, long most, String unit) {
    this.usual = usual;
    this.most = most;
    this.unit = unit;
  }

  long usual() {
    return usual;
  }

  /** {@return what it may be raised to} */
  long most() {
    return most;
  }

  String unit() {
    return unit;
  }

  /** Its name on the command line. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}

package org.lrfinder.cli.doctor;

/**
 * What is wrong, or good to know.
 *
 * @param id which kind of finding it is, for programs: stays the same from version to version
 * @param problem what is wrong, in words
 */
public record Finding(String id, Severity severity, String problem, Cure cure) {
  static Finding broken(String id, String problem, Cure cure) {
    return new Finding(id, Severity.BROKEN, problem, cure);
  }

  static Finding slow(String id, String problem, Cure cure) {
    return new Finding(id, Severity.SLOW, problem, cure);
  }

  static Finding note(String id, String problem, Cure cure) {
    return new Finding(id, Severity.NOTE, problem, cure);
  }
}

package org.lrfinder.cli.doctor;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one check saw.
 *
 * @param name of the check, and of its object in JSON
 * @param facts by name, in the order to print them: words, numbers, truth values, and lists and
 *     maps of them
 * @param findings what is wrong, in the order to mend it
 */
public record Section(String name, Map<String, Object> facts, List<Finding> findings) {
  /** Copies facts and findings. */
  public Section {
    facts = Collections.unmodifiableMap(new LinkedHashMap<>(facts));
    findings = List.copyOf(findings);
  }

  static Builder of(String name) {
    return new Builder(name);
  }

  /** Collects what a check sees. */
  static final class Builder {
    private final String name;
    private final Map<String, Object> facts = new LinkedHashMap<>();
    private final List<Finding> findings = new ArrayList<>();

    private Builder(String name) {
      this.name = name;
    }

    /** Adds a fact, unless it is not known. */
    Builder fact(String key, @Nullable Object value) {
      if (value != null) {
        facts.put(key, value);
      }
      return this;
    }

    Builder facts(Map<String, ?> more) {
      facts.putAll(more);
      return this;
    }

    Builder find(Finding finding) {
      findings.add(finding);
      return this;
    }

    Section build() {
      return new Section(name, facts, findings);
    }
  }
}

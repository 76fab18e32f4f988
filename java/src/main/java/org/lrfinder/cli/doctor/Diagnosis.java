package org.lrfinder.cli.doctor;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What all checks came to. Immutable.
 *
 * @param sections of the checks, in their order
 * @param complete whether all of them could be done that the earlier ones left sense in
 */
public record Diagnosis(List<Section> sections, boolean complete) {
  private static final int FORMAT = 1;

  /** Copies the sections. */
  public Diagnosis {
    sections = List.copyOf(sections);
  }

  /** {@return what is wrong, in the order to mend it: the worst first, of equals the most basic} */
  public List<Finding> findings() {
    return sections.stream()
        .flatMap(section -> section.findings().stream())
        .sorted(Comparator.comparing(Finding::severity))
        .toList();
  }

  /** {@return whether nothing has to be mended} */
  public boolean isHealthy() {
    return complete && findings().stream().allMatch(finding -> finding.severity() == Severity.NOTE);
  }

  /** {@return all of it in one line of JSON} */
  public String toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("format", FORMAT);
    json.put("healthy", isHealthy());
    json.put("complete", complete);
    json.put("findings", findings());
    sections.forEach(section -> json.put(section.name(), section.facts()));
    try {
      return JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(SerializationFeature.WRITE_ENUMS_USING_TO_STRING)
          .build()
          .writeValueAsString(json);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // words, numbers, lists and maps of them
    }
  }
}

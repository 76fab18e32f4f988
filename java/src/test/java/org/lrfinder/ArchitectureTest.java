package org.lrfinder;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The arrows between the packages point one way. */
class ArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("org.lrfinder");

  private static final ArchRule LAYERS =
      layeredArchitecture()
          .consideringOnlyDependenciesInLayers()
          .layer("cli")
          .definedBy("org.lrfinder.cli")
          .layer("doctor")
          .definedBy("org.lrfinder.cli.doctor")
          .layer("trainer")
          .definedBy("org.lrfinder.trainer")
          .layer("finder")
          .definedBy("org.lrfinder")
          .layer("loop")
          .definedBy("org.lrfinder.internal.loop")
          .layer("engine")
          .definedBy("org.lrfinder.engine", "org.lrfinder.internal.engine")
          .layer("distributed")
          .definedBy("org.lrfinder.distributed")
          .layer("native core")
          .definedBy("org.lrfinder.internal.nativecore")
          .layer("models")
          .definedBy("org.lrfinder.internal.models")
          .layer("bean")
          .definedBy("org.lrfinder.internal.bean")
          .layer("plot")
          .definedBy("org.lrfinder.plot")
          .layer("report")
          .definedBy("org.lrfinder.report")
          .layer("export")
          .definedBy("org.lrfinder.export")
          .layer("io")
          .definedBy("org.lrfinder.internal.io")
          .layer("suggestion")
          .definedBy("org.lrfinder.suggestion")
          .layer("sweep")
          .definedBy("org.lrfinder.sweep")
          .layer("data")
          .definedBy("org.lrfinder.data")
          .whereLayer("cli")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("doctor")
          .mayOnlyBeAccessedByLayers("cli")
          .whereLayer("doctor")
          .mayOnlyAccessLayers("finder", "engine", "models", "data", "sweep")
          .whereLayer("trainer")
          .mayOnlyBeAccessedByLayers("cli")
          .whereLayer("finder")
          .mayOnlyBeAccessedByLayers("trainer", "cli", "doctor", "export")
          .whereLayer("loop")
          .mayOnlyBeAccessedByLayers("finder", "trainer")
          .whereLayer("engine")
          .mayOnlyBeAccessedByLayers(
              "loop",
              "distributed",
              "finder",
              "trainer",
              "cli",
              "doctor",
              "export",
              "report",
              "models")
          .whereLayer("distributed")
          .mayOnlyBeAccessedByLayers("finder", "trainer", "cli")
          .whereLayer("distributed")
          .mayOnlyAccessLayers("engine")
          .whereLayer("native core")
          .mayOnlyBeAccessedByLayers("engine")
          .whereLayer("models")
          .mayOnlyBeAccessedByLayers("cli", "doctor")
          .whereLayer("models")
          .mayOnlyAccessLayers("engine")
          .whereLayer("bean")
          .mayOnlyBeAccessedByLayers("trainer")
          .whereLayer("bean")
          .mayNotAccessAnyLayer()
          .whereLayer("plot")
          .mayOnlyAccessLayers("io", "suggestion", "sweep")
          .whereLayer("report")
          .mayOnlyBeAccessedByLayers("finder", "cli")
          .whereLayer("report")
          .mayOnlyAccessLayers("plot", "engine", "io", "suggestion", "sweep")
          .whereLayer("export")
          .mayOnlyBeAccessedByLayers("cli")
          .whereLayer("io")
          .mayNotAccessAnyLayer()
          .whereLayer("suggestion")
          .mayOnlyAccessLayers("sweep")
          .whereLayer("sweep")
          .mayNotAccessAnyLayer()
          .whereLayer("data")
          .mayNotAccessAnyLayer();

  private static final ArchRule NO_CYCLES =
      slices().matching("org.lrfinder.(**)").should().beFreeOfCycles();

  private static final ArchRule NO_PRINTING =
      noClasses()
          .that()
          .resideOutsideOfPackage("org.lrfinder.cli..")
          .and()
          .doNotHaveFullyQualifiedName("org.lrfinder.trainer.Trainer$Builder")
          .should(ACCESS_STANDARD_STREAMS);

  private static final ArchRule LIBRARY_WITHOUT_THE_COMMAND_LINES_DEPENDENCIES =
      noClasses()
          .that()
          .resideOutsideOfPackage("org.lrfinder.cli..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("picocli..", "de.siegmar..");

  private static final ArchRule TRAINERS_OWN_DEPENDENCIES =
      noClasses()
          .that()
          .resideOutsideOfPackages("org.lrfinder.trainer", "org.lrfinder.cli")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("me.tongfei..", "org.yaml..");

  private static final ArchRule PICTURES_ONLY_IN_PLOT =
      noClasses()
          .that()
          .resideOutsideOfPackage("org.lrfinder.plot")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.knowm..", "java.awt..");

  private static final ArchRule TEMPLATES_ONLY_IN_REPORT =
      noClasses()
          .that()
          .resideOutsideOfPackage("org.lrfinder.report")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("com.samskivert..");

  private static final ArchRule CUDAS_PRESETS_IN_ONE_CLASS =
      noClasses()
          .that()
          .doNotHaveFullyQualifiedName("org.lrfinder.internal.engine.CudaPresets")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("org.bytedeco.cuda..");

  private static final ArchRule DOCTOR_LOADS_NOTHING_IN_ITS_OWN_JVM =
      noClasses()
          .that()
          .resideInAPackage("org.lrfinder.cli.doctor")
          .and()
          .haveNameNotMatching(".*\\.(Step|SelfTest)(\\$.*)?")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.bytedeco.pytorch..", "org.bytedeco.openblas..");

  static Stream<ArchRule> rules() {
    return Stream.of(
        LAYERS,
        NO_CYCLES,
        NO_PRINTING,
        LIBRARY_WITHOUT_THE_COMMAND_LINES_DEPENDENCIES,
        TRAINERS_OWN_DEPENDENCIES,
        PICTURES_ONLY_IN_PLOT,
        TEMPLATES_ONLY_IN_REPORT,
        CUDAS_PRESETS_IN_ONE_CLASS,
        DOCTOR_LOADS_NOTHING_IN_ITS_OWN_JVM);
  }

  @ParameterizedTest
  @MethodSource("rules")
  void holds(ArchRule rule) {
    rule.check(CLASSES);
  }
}

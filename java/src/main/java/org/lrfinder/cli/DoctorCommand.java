package org.lrfinder.cli;

import java.io.PrintWriter;
import org.lrfinder.cli.doctor.Diagnosis;
import org.lrfinder.cli.doctor.Doctor;
import org.lrfinder.cli.doctor.DoctorReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.IExitCodeGenerator;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code lrfinder doctor}: what lrfinder runs on, what is wrong with it, and how to mend that. Not
 * a Callable, before which libtorch would be loaded.
 */
@Command(
    name = "doctor",
    description = {
      "Examines machine, Java, libraries and engines, and says what is wrong and how to mend it, in the order to do it.",
      "Leaves libtorch unpacked in JavaCPP's cache: run it once while a container's image is made."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false,
    footer = {
      "",
      "Exit codes:",
      "  0  healthy; there may be notes       1  something is broken or slow, and how to mend it is said",
      "  3  it could not be examined"
    })
final class DoctorCommand implements Runnable, IExitCodeGenerator {
  private static final int UNHEALTHY = 1;

  @Spec private CommandSpec spec;

  @Option(names = "--json", description = "Print one line of JSON in place of the report.")
  private boolean json;

  private int code = Main.FAILURE;

  @Override
  public void run() {
    PrintWriter out = spec.commandLine().getOut();
    try {
      DoctorReport report = new DoctorReport(out);
      Diagnosis diagnosis = Doctor.examine(json ? section -> {} : report::print);
      if (json) {
        out.println(diagnosis.toJson());
      } else {
        report.printFindings(diagnosis);
      }
      code = diagnosis.isHealthy() ? 0 : diagnosis.complete() ? UNHEALTHY : Main.FAILURE;
    } catch (InterruptedException e) {
      code = Main.INTERRUPTED;
    }
    out.flush();
  }

  @Override
  public int getExitCode() {
    return code;
  }
}

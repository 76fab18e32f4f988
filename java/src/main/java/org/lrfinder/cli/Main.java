package org.lrfinder.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** Entry point of {@code java -jar lrfinder.jar}. */
@Command(
    name = "lrfinder",
    description = "Finds learning rates (LR range test) on libtorch, natively.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = DemoCommand.class)
public final class Main {
  private static final int FAILURE = 3;

  private Main() {}

  /**
   * Runs a command and exits: 0 with a suggestion, 1 without one, 2 for wrong usage, 3 if something
   * failed.
   *
   * @param arguments the command line
   */
  public static void main(String[] arguments) {
    System.exit(run(commandLine(), arguments));
  }

  /** Runs a command. Libraries that do not load throw errors, of which picocli takes no notice. */
  static int run(CommandLine commandLine, String... arguments) {
    try {
      return commandLine.execute(arguments);
    } catch (LinkageError e) {
      commandLine.getErr().println("lrfinder: " + e.getMessage());
      return FAILURE;
    }
  }

  static CommandLine commandLine() {
    return new CommandLine(new Main())
        .setExecutionExceptionHandler(
            (exception, command, parsed) -> {
              command.getErr().println("lrfinder: " + exception.getMessage());
              return FAILURE;
            });
  }
}

package org.lrfinder.cli;

import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.Loader;
import org.lrfinder.internal.engine.Engines;
import org.lrfinder.internal.engine.FirstLoad;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParseResult;

/** Entry point of {@code java -jar lrfinder.jar}. */
@Command(
    name = "lrfinder",
    description = "Finds learning rates (LR range test) on libtorch, natively.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    versionProvider = Main.Version.class,
    subcommands = {FindCommand.class, DemoCommand.class},
    footer = {
      "",
      "Exit codes: 0 a learning rate was suggested, 1 none was, 2 wrong usage or input, 3 internal failure, 130 interrupted.",
    })
public final class Main {
  static final int NO_SUGGESTION = 1;
  static final int INPUT = 2;
  static final int FAILURE = 3;
  static final int INTERRUPTED = 130;

  private static final int PATIENCE_SECONDS = 10; // for a sweep's step and its restore

  private Main() {}

  /**
   * Runs a command and exits with its code.
   *
   * @param arguments the command line
   */
  public static void main(String[] arguments) {
    // libtorch and OpenBLAS hinder each other's threads; MKL does not. Read when libtorch is
    // loaded.
    if (System.getProperty("org.bytedeco.openblas.load") == null
        && Loader.getPlatform().endsWith("x86_64")) {
      System.setProperty("org.bytedeco.openblas.load", "mkl");
    }
    // So that System.console() tells a terminal from a file on newer JDKs.
    System.setProperty("jdk.console", "java.base");
    CountDownLatch finished = endCleanlyOnSignals(Thread.currentThread());
    int code;
    try {
      code = run(commandLine(), arguments);
    } finally {
      finished.countDown();
    }
    System.exit(code);
  }

  /**
   * On Ctrl-C the command is interrupted and waited for, so that it leaves no half-written file.
   */
  private static CountDownLatch endCleanlyOnSignals(Thread command) {
    CountDownLatch finished = new CountDownLatch(1);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  if (finished.getCount() > 0) {
                    command.interrupt();
                  }
                  try {
                    finished.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                }));
    return finished;
  }

  /**
   * Runs a command. Libraries that do not load and memory that runs out are errors, of which
   * picocli takes no notice.
   */
  static int run(CommandLine commandLine, String... arguments) {
    try {
      return commandLine.execute(arguments);
    } catch (LinkageError e) {
      commandLine.getErr().println("lrfinder: " + Engines.explained(e));
      return FAILURE;
    } catch (OutOfMemoryError e) {
      commandLine.getErr().println("lrfinder: " + e.getMessage());
      return FAILURE;
    }
  }

  static CommandLine commandLine() {
    return new CommandLine(new Main())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionStrategy(Main::loadAndRun)
        .setExecutionExceptionHandler(
            (exception, command, parsed) -> {
              boolean input = exception instanceof InputException;
              command.getErr().println("lrfinder: " + (input ? exception.getMessage() : exception));
              return input ? INPUT : FAILURE;
            });
  }

  /**
   * Processes that unpack libtorch at the same time, as at a first start, would kill each other.
   */
  private static int loadAndRun(ParseResult parsed) {
    ParseResult command = parsed.subcommand();
    if (command != null
        && !command.isUsageHelpRequested()
        && !command.isVersionHelpRequested()
        && command.commandSpec().userObject() instanceof Callable<?>) {
      FirstLoad.ofLibtorch();
    }
    return new CommandLine.RunLast().execute(parsed);
  }

  /** The version that the jar's manifest names. */
  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {"lrfinder " + (version == null ? "(development)" : version)};
    }
  }
}

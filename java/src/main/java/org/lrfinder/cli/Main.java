package org.lrfinder.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;
import org.lrfinder.engine.OutOfMemoryException;
import org.lrfinder.internal.engine.Engines;
import org.lrfinder.internal.engine.FirstLoad;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.InitializationException;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Entry point of {@code java -jar lrfinder.jar}. */
@Command(
    name = "lrfinder",
    description = "Finds learning rates (LR range test) on libtorch, natively.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    versionProvider = Main.Version.class,
    subcommands = {
      FindCommand.class,
      DemoCommand.class,
      ReportCommand.class,
      DoctorCommand.class,
      AutoComplete.GenerateCompletion.class,
      ManPageCommand.class
    },
    footer = {
      "",
      "Exit codes:",
      "  0  a learning rate was suggested    1  none was",
      "  2  wrong usage or input             3  internal failure, or the output is lost",
      "  130 (Ctrl-C), 143 (SIGTERM), 129 (SIGHUP)  ended by a signal",
      "",
      "'lrfinder find --help' has examples. Completion for bash and zsh:",
      "  source <(lrfinder generate-completion)",
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
    Output output = new Output(new FileOutputStream(FileDescriptor.out));
    System.setOut(new PrintStream(output));
    CountDownLatch finished = endCleanlyOnSignals(Thread.currentThread());
    int code;
    try {
      CommandLine commandLine = commandLine();
      code = run(commandLine, arguments);
      commandLine.getOut().flush();
      System.out.flush();
    } catch (InitializationException | NoClassDefFoundError e) {
      System.err.println("lrfinder: " + missingClass(e));
      code = FAILURE;
    } finally {
      finished.countDown();
    }
    if (output.lost().isPresent()) {
      System.err.println("lrfinder: the output is lost: " + output.lost().get());
      code = FAILURE;
    }
    System.exit(code);
  }

  /** Says what keeps picocli from making the commands. */
  private static String missingClass(Throwable failure) {
    Throwable cause = failure;
    while (!(cause instanceof NoClassDefFoundError)) {
      cause = cause.getCause();
      if (cause == null) {
        throw (InitializationException) failure;
      }
    }
    return "a jar is missing, the one with %s: all those of lib/ belong beside lrfinder.jar, or on the class path"
        .formatted(cause.getMessage());
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
      say(commandLine, Engines.explained(e));
      return FAILURE;
    } catch (OutOfMemoryError e) {
      say(commandLine, outOfMemory(e.getMessage()));
      return INPUT;
    }
  }

  static CommandLine commandLine() {
    return Numbers.registerWith(new CommandLine(new Main()))
        .registerConverter(Path.class, Main::path)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionStrategy(Main::loadAndRun)
        .setExpandAtFiles(false) // a name may begin with @
        .setUsageHelpAutoWidth(true)
        .setParameterExceptionHandler(Main::refused)
        .setExecutionExceptionHandler((exception, command, parsed) -> failed(exception, command));
  }

  private static Path path(String text) {
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw new TypeConversionException(
          "'%s' cannot be the name of a file here; if it has letters beyond ASCII, set the environment variable LC_ALL to C.UTF-8"
              .formatted(text));
    }
  }

  /** Of what picocli cannot parse: what is wrong, and where it says what is right. */
  private static int refused(ParameterException e, String[] arguments) {
    CommandLine command = e.getCommandLine();
    if (arguments.length == 0) {
      command.usage(command.getErr());
      return INPUT;
    }
    List<String> unknown =
        command.getUnmatchedArguments().stream().filter(word -> word.startsWith("-")).toList();
    if (!unknown.isEmpty() && !isOf(unknown, e)) {
      // What is missing is there, but misspelled, and what stands behind it is its value.
      return refused(new UnmatchedArgumentException(command, unknown), arguments);
    }
    String meant =
        e instanceof UnmatchedArgumentException unmatched && !unmatched.getSuggestions().isEmpty()
            ? "; did you mean " + String.join(" or ", unmatched.getSuggestions()) + "?"
            : "";
    say(command, e.getMessage() + meant);
    command
        .getErr()
        .printf("'%s --help' lists what there is%n", command.getCommandSpec().qualifiedName());
    return INPUT;
  }

  private static boolean isOf(List<String> unknown, ParameterException e) {
    return e instanceof UnmatchedArgumentException unmatched
        ? unmatched.getUnmatched().equals(unknown)
        : !(e instanceof MissingParameterException);
  }

  private static int failed(Exception e, CommandLine command) {
    if (e instanceof InputException) {
      say(command, withOptions(e.getMessage(), command));
      return INPUT;
    }
    if (e instanceof InterruptedException) {
      return INTERRUPTED;
    }
    if (e instanceof OutOfMemoryException) {
      say(command, e.getMessage());
      return INPUT;
    }
    // libtorch's have a stack of C++ below the first line.
    String words = e.toString().lines().findFirst().orElseThrow();
    if (words.contains("can't allocate memory")) {
      say(command, outOfMemory(words));
      return INPUT;
    }
    say(command, words);
    return FAILURE;
  }

  private static String outOfMemory(@Nullable String words) {
    return "memory ran out (%s): take fewer rows, a smaller network or batch, or let Java have more than its %d MiB by the environment variable JDK_JAVA_OPTIONS, such as -Xmx8g"
        .formatted(words, Runtime.getRuntime().maxMemory() >> 20);
  }

  /** A message of the library's builders, with the options in place of their names. */
  private static String withOptions(String message, CommandLine command) {
    String words = message;
    for (OptionSpec option : command.getCommandSpec().options()) {
      String name = option.longestName();
      String[] parts = name.substring(2).split("-");
      String setting =
          parts[0]
              + Arrays.stream(parts)
                  .skip(1)
                  .map(part -> part.substring(0, 1).toUpperCase(Locale.ROOT) + part.substring(1))
                  .collect(Collectors.joining());
      // A name of one word may be just a word, but where a message begins with it.
      words =
          parts.length == 1
              ? words.replaceFirst("^" + setting + " is ", name + " is ")
              : words.replaceAll("\\b" + setting + "\\b", name);
    }
    return words;
  }

  private static void say(CommandLine command, String message) {
    command.getErr().println("lrfinder: " + Words.printable(message));
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

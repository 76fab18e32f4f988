package org.lrfinder.cli;

import java.io.PrintWriter;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code lrfinder generate-man-page}: what every {@code --help} says, as a page for man. */
@Command(
    name = "generate-man-page",
    description = "Generate a man page, such as by lrfinder generate-man-page > lrfinder.1.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class)
final class ManPageCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    PrintWriter out = spec.commandLine().getOut();
    CommandSpec all = spec.root();
    out.println(".TH LRFINDER 1");
    out.println(".SH NAME");
    out.println(roff(all.name() + " - " + all.usageMessage().description()[0]));
    print(all, out);
    all.subcommands().values().stream()
        .map(CommandLine::getCommandSpec)
        .forEach(c -> print(c, out));
    out.flush();
  }

  private static void print(CommandSpec command, PrintWriter out) {
    String usage = command.commandLine().setUsageHelpAutoWidth(false).getUsageMessage(Ansi.OFF);
    out.println(".SH " + roff(command.qualifiedName().toUpperCase(Locale.ROOT)));
    out.println(".nf");
    usage.lines().map(ManPageCommand::roff).forEach(out::println);
    out.println(".fi");
  }

  /** As it stands: a line that begins with a dot or an apostrophe would be a request. */
  private static String roff(String line) {
    String escaped = line.replace("\\", "\\e").replace("-", "\\-");
    return escaped.matches("['.].*") ? "\\&" + escaped : escaped;
  }
}

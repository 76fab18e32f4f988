package org.lrfinder.cli.doctor;

import java.io.File;
import java.util.List;

/** The Java that runs, and with what. */
final class JavaCheck {
  private JavaCheck() {}

  static Section examine() {
    boolean modules = JavaCheck.class.getModule().isNamed();
    return Section.of("java")
        .fact("version", System.getProperty("java.vm.version"))
        .fact("vendor", System.getProperty("java.vendor"))
        .fact("home", System.getProperty("java.home"))
        .fact("options", Jvm.options())
        .fact(
            modules ? "module_path" : "class_path",
            List.of(
                System.getProperty(modules ? "jdk.module.path" : "java.class.path", "")
                    .split(File.pathSeparator)))
        .build();
  }
}

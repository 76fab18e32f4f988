package org.lrfinder.report;

import com.samskivert.mustache.DefaultCollector;
import com.samskivert.mustache.Mustache;
import com.samskivert.mustache.Template;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.Iterator;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The page's parts, which are resources. */
final class Templates {
  private static final String STYLE = resource("page.css");
  private static final String SCRIPT = resource("page.js");
  private static final Template PAGE =
      Mustache.compiler()
          .strictSections(true)
          .withCollector(new Collector())
          .withLoader(name -> new StringReader(resource(name + ".mustache")))
          .compile(resource("page.mustache"));

  /** The engine's own, which knows no Optional. */
  private static final class Collector extends DefaultCollector {
    @Override
    public @Nullable Iterator<?> toIterator(Object value) {
      return value instanceof Optional<?> optional
          ? optional.stream().iterator()
          : super.toIterator(value);
    }
  }

  /** A page with what is the same in every one. */
  private record Whole(
      Page page, String style, String styleDigest, String script, String scriptDigest) {}

  private Templates() {}

  static String page(Page page) {
    return PAGE.execute(new Whole(page, STYLE, digest(STYLE), SCRIPT, digest(SCRIPT)));
  }

  /** As a content security policy names what may be used. */
  private static String digest(String text) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return "sha256-" + Base64.getEncoder().encodeToString(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private static String resource(String name) {
    try (InputStream in = Templates.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + name, e);
    }
  }
}

package org.lrfinder.plot;

import java.util.Locale;
import java.util.regex.Pattern;
import org.knowm.xchart.XYChart;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/**
 * A picture as an SVG element for a page, and where in it rates and losses lie. It has a name and a
 * description, no style attributes, which a content security policy would drop, and no ids that
 * another picture of the page has. Immutable; thread-safe.
 */
public final class SvgPicture {
  /** The least width of a picture, in points. */
  public static final int LEAST_WIDTH = 320;

  /** The least height of a picture, in points. */
  public static final int LEAST_HEIGHT = 320;

  private static final Pattern ID = Pattern.compile("[A-Za-z][A-Za-z0-9-]*");

  /** What a picture is called, by its page and by people. */
  record Words(String id, String title, String description) {}

  private final String element;
  private final RateRange rates;
  private final LossRange losses;

  private SvgPicture(String element, RateRange rates, LossRange losses) {
    this.element = element;
    this.rates = rates;
    this.losses = losses;
  }

  static void require(String id, int width, int height) {
    if (!ID.matcher(id).matches()) {
      throw new IllegalArgumentException(
          "id is %s, but must be letters, digits and hyphens, a letter first".formatted(id));
    }
    if (width < LEAST_WIDTH || height < LEAST_HEIGHT) {
      throw new IllegalArgumentException(
          "the picture is %d by %d points, but must be at least %d by %d"
              .formatted(width, height, LEAST_WIDTH, LEAST_HEIGHT));
    }
  }

  static SvgPicture of(XYChart chart, RateRange rates, LossRange losses, Words words) {
    Element svg = EmbeddedSvg.of(Charts.svg(chart), words.id);
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-labelledby", words.id + "-title");
    svg.setAttribute("aria-describedby", words.id + "-words");
    Node first = svg.getFirstChild();
    svg.insertBefore(said(svg, "title", words.id + "-title", words.title), first);
    svg.insertBefore(said(svg, "desc", words.id + "-words", words.description), first);
    svg.setAttribute("data-left", points(chart.getScreenXFromChart(rates.low())));
    svg.setAttribute("data-right", points(chart.getScreenXFromChart(rates.high())));
    svg.setAttribute("data-top", points(chart.getScreenYFromChart(losses.high())));
    svg.setAttribute("data-bottom", points(chart.getScreenYFromChart(losses.low())));
    return new SvgPicture(EmbeddedSvg.text(svg), rates, losses);
  }

  /** {@return the element, {@code <svg>...</svg>}} */
  public String element() {
    return element;
  }

  /**
   * {@return how far to the right a rate lies: 0 at the element's {@code data-left}, 1 at its
   * {@code data-right}}
   *
   * @param lr a rate; one outside the picture lies at its edge
   */
  public double across(double lr) {
    return rates.share(rates.clamp(lr));
  }

  /**
   * {@return how far down a loss lies: 0 at the element's {@code data-top}, 1 at its {@code
   * data-bottom}}
   *
   * @param loss a loss; one outside the picture, or not finite, lies at its edge
   */
  public double down(double loss) {
    return (losses.high() - losses.clamp(loss)) / (losses.high() - losses.low());
  }

  private static Element said(Element svg, String name, String id, String words) {
    Element element = svg.getOwnerDocument().createElementNS(svg.getNamespaceURI(), name);
    element.setAttribute("id", id);
    element.setTextContent(words);
    return element;
  }

  private static String points(double position) {
    return String.format(Locale.ROOT, "%.2f", position);
  }
}

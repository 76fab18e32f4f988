package org.lrfinder.plot;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.transform.OutputKeys;
import javax.xml.transform.Transformer;
import javax.xml.transform.TransformerException;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.jspecify.annotations.Nullable;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.SAXException;

/** Makes of a picture that VectorGraphics2D wrote an element for a page, a fifth of its size. */
final class EmbeddedSvg {
  private static final Pattern REFERENCE = Pattern.compile("url\\(#");
  private static final Pattern LONG_NUMBER = Pattern.compile("-?\\d+\\.\\d{3,}");
  private static final List<String> STROKE =
      List.of("stroke", "stroke-width", "stroke-opacity", "stroke-linecap", "stroke-linejoin");

  private EmbeddedSvg() {}

  /** Parses a picture, whose ids then begin with that one. */
  static Element of(byte[] picture, String id) {
    try {
      DocumentBuilderFactory factory = DocumentBuilderFactory.newDefaultInstance();
      factory.setNamespaceAware(true);
      factory.setIgnoringElementContentWhitespace(true);
      factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
      // The document names a DTD, which would be fetched.
      factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
      Element svg =
          factory
              .newDocumentBuilder()
              .parse(new ByteArrayInputStream(picture))
              .getDocumentElement();
      prepare(svg, id);
      return svg;
    } catch (IOException | ParserConfigurationException | SAXException e) {
      throw new IllegalStateException("the picture is no XML", e);
    }
  }

  static String text(Element svg) {
    try {
      Transformer transformer = TransformerFactory.newDefaultInstance().newTransformer();
      transformer.setOutputProperty(OutputKeys.OMIT_XML_DECLARATION, "yes");
      StringWriter text = new StringWriter();
      transformer.transform(new DOMSource(svg), new StreamResult(text));
      return text.toString();
    } catch (TransformerException e) {
      throw new IllegalStateException("the picture cannot be written", e);
    }
  }

  private static void prepare(Element element, String id) {
    // A content security policy drops style attributes.
    for (String declaration : element.getAttribute("style").split(";")) {
      String[] parts = declaration.split(":", 2);
      if (parts.length == 2) {
        element.setAttribute(parts[0].strip(), parts[1].strip());
      }
    }
    element.removeAttribute("style");
    if (element.hasAttribute("id")) {
      element.setAttribute("id", id + "-" + element.getAttribute("id"));
    }
    for (int i = 0; i < element.getAttributes().getLength(); i++) {
      Node attribute = element.getAttributes().item(i);
      String value = REFERENCE.matcher(attribute.getNodeValue()).replaceAll("url(#" + id + "-");
      attribute.setNodeValue(
          LONG_NUMBER.matcher(value).replaceAll(number -> rounded(number.group())));
    }
    Polyline curve = null;
    for (Node child : children(element)) {
      if (!(child instanceof Element part)) {
        element.removeChild(child); // white space
        continue;
      }
      prepare(part, id);
      if (part.getAttribute("stroke-opacity").equals("0")) {
        element.removeChild(part);
      } else if (curve != null && curve.goesOnBy(part)) {
        curve.add(part);
      } else {
        end(curve);
        curve = part.getTagName().equals("line") ? new Polyline(part) : null;
      }
    }
    end(curve);
  }

  private static void end(@Nullable Polyline curve) {
    if (curve != null) {
      curve.end();
    }
  }

  /** A curve, which comes as a line for each of its parts, as one. */
  private static final class Polyline {
    private final Element first;
    private final StringBuilder points;
    private String last;

    Polyline(Element first) {
      this.first = first;
      last = point(first, "2");
      points = new StringBuilder(point(first, "1")).append(' ').append(last);
    }

    boolean goesOnBy(Element line) {
      return line.getTagName().equals("line")
          && point(line, "1").equals(last)
          && STROKE.stream()
              .allMatch(name -> first.getAttribute(name).equals(line.getAttribute(name)));
    }

    void add(Element line) {
      last = point(line, "2");
      points.append(' ').append(last);
      line.getParentNode().removeChild(line);
    }

    void end() {
      Element whole = first.getOwnerDocument().createElementNS(first.getNamespaceURI(), "polyline");
      whole.setAttribute("points", points.toString());
      whole.setAttribute("fill", "none");
      STROKE.stream()
          .filter(first::hasAttribute)
          .forEach(name -> whole.setAttribute(name, first.getAttribute(name)));
      first.getParentNode().replaceChild(whole, first);
    }

    private static String point(Element line, String end) {
      return line.getAttribute("x" + end) + "," + line.getAttribute("y" + end);
    }
  }

  private static List<Node> children(Element element) {
    List<Node> children = new ArrayList<>();
    for (int i = 0; i < element.getChildNodes().getLength(); i++) {
      children.add(element.getChildNodes().item(i));
    }
    return children;
  }

  private static String rounded(String number) {
    return new BigDecimal(number)
        .setScale(2, RoundingMode.HALF_EVEN)
        .stripTrailingZeros()
        .toPlainString();
  }
}

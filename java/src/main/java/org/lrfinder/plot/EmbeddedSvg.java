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
          factory.newDocumentBuilder().parse(new ByteArrayInputStream(picture)).getDocumentElement();
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
      String value =
          REFERENCE.matcher(attribute.getNodeValue()).replaceAll("url(#" + id + "-");
      attribute.setNodeValue(
          LONG_NUMBER.matcher(value).replaceAll(number -> rounded(number.group())));
    }
    Element before = null;
    for (Node child : children(element)) {
      if (!(child instanceof Element part)) {
        element.removeChild(child); // white space
        continue;
      }
      prepare(part, id);
      if (part.getAttribute("stroke-opacity").equals("0")) {
        element.removeChild(part);
      } else if (before != null && goesOn(before, part)) {
        before.setAttribute(
            "points", before.getAttribute("points") + " " + point(part, "2"));
        element.removeChild(part);
      } else {
        before = part.getTagName().equals("line") ? polyline(part) : null;
      }
    }
  }

  /** A curve comes as a line for each of its parts. */
  private static Element polyline(Element line) {
    Element polyline = line.getOwnerDocument().createElementNS(line.getNamespaceURI(), "polyline");
    polyline.setAttribute("points", point(line, "1") + " " + point(line, "2"));
    polyline.setAttribute("fill", "none");
    for (String name : STROKE) {
      if (line.hasAttribute(name)) {
        polyline.setAttribute(name, line.getAttribute(name));
      }
    }
    line.getParentNode().replaceChild(polyline, line);
    return polyline;
  }

  private static boolean goesOn(Element polyline, Element line) {
    return line.getTagName().equals("line")
        && polyline.getAttribute("points").endsWith(" " + point(line, "1"))
        && STROKE.stream()
            .allMatch(name -> polyline.getAttribute(name).equals(line.getAttribute(name)));
  }

  private static String point(Element line, String end) {
    return line.getAttribute("x" + end) + "," + line.getAttribute("y" + end);
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

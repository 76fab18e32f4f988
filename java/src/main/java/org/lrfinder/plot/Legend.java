package org.lrfinder.plot;

import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.Shape;
import java.awt.font.FontRenderContext;
import java.awt.font.TextLayout;
import java.awt.geom.Line2D;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.List;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.internal.chartpart.Legend_Marker;
import org.knowm.xchart.internal.chartpart.RenderableSeries.LegendRenderType;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.XYStyler;

/**
 * A legend below the data, in as many lines as it takes; XChart's has one line, that it cuts, or
 * one for each entry. Elsewhere it is XChart's.
 */
final class Legend extends Legend_Marker<XYStyler, XYSeries> {
  private static final double LINE_LENGTH = 26;
  private static final double MARKER = 11;
  private static final double BOX = 16;
  private static final double AFTER_SYMBOL = 6;
  private static final double BETWEEN = 22;
  private static final double ROW = 23;
  private static final double MARGIN = 6;

  private record Entry(XYSeries series, Shape label, double x, int row) {}

  private final XYChart chart;

  Legend(XYChart chart) {
    super(chart);
    this.chart = chart;
  }

  /** XChart asks for the height alone, to keep it free. */
  @Override
  public Rectangle2D getBounds() {
    if (!isBelow()) {
      return super.getBounds();
    }
    List<Entry> entries = entries();
    int rows = entries.isEmpty() ? 0 : entries.get(entries.size() - 1).row + 1;
    return new Rectangle2D.Double(0, 0, chart.getWidth(), rows * ROW + MARGIN);
  }

  @Override
  public void paint(Graphics2D g) {
    if (!isBelow()) {
      super.paint(g);
      return;
    }
    double top = chart.getHeight() - getBounds().getHeight();
    double capHeight = Charts.outline(g, font(), "X").getBounds2D().getHeight();
    for (Entry entry : entries()) {
      double middle = top + (entry.row + 0.5) * ROW;
      paintSymbol(g, entry.series, entry.x, middle);
      g.setColor(chart.getStyler().getChartFontColor());
      double x = entry.x + symbolWidth(entry.series) + AFTER_SYMBOL;
      Charts.fill(g, entry.label, x, middle + capHeight / 2);
    }
  }

  private boolean isBelow() {
    return chart.getStyler().isLegendVisible()
        && chart.getStyler().getLegendPosition() == Styler.LegendPosition.OutsideS
        && chart.getStyler().getLegendLayout() == Styler.LegendLayout.Horizontal;
  }

  /** Lays the entries out in rows that are centred. */
  private List<Entry> entries() {
    FontRenderContext context = new FontRenderContext(null, true, false);
    double width = chart.getWidth() - 2 * MARGIN;
    List<Entry> entries = new ArrayList<>();
    List<Entry> row = new ArrayList<>();
    double end = 0;
    int rows = 0;
    for (XYSeries series : chart.getSeriesMap().values()) {
      if (!series.isShowInLegend() || !series.isEnabled()) {
        continue;
      }
      Shape label = new TextLayout(series.getLabel(), font(), context).getOutline(null);
      double own = symbolWidth(series) + AFTER_SYMBOL + label.getBounds2D().getMaxX();
      if (!row.isEmpty() && end + BETWEEN + own > width) {
        entries.addAll(centred(row, end));
        row.clear();
        end = 0;
        rows++;
      }
      double x = row.isEmpty() ? 0 : end + BETWEEN;
      row.add(new Entry(series, label, x, rows));
      end = x + own;
    }
    entries.addAll(centred(row, end));
    return entries;
  }

  private List<Entry> centred(List<Entry> row, double width) {
    double left = (chart.getWidth() - width) / 2;
    return row.stream()
        .map(entry -> new Entry(entry.series, entry.label, left + entry.x, entry.row))
        .toList();
  }

  private static double symbolWidth(XYSeries series) {
    return switch (series.getLegendRenderType()) {
      case Line -> LINE_LENGTH;
      case Scatter -> MARKER;
      case Box, BoxNoOutline -> BOX;
    };
  }

  private void paintSymbol(Graphics2D g, XYSeries series, double x, double middle) {
    double width = symbolWidth(series);
    LegendRenderType type = series.getLegendRenderType();
    if (type == LegendRenderType.Line) {
      g.setColor(series.getLineColor());
      g.setStroke(series.getLineStyle());
      g.draw(new Line2D.Double(x, middle, x + width, middle));
    }
    if (type == LegendRenderType.Line || type == LegendRenderType.Scatter) {
      g.setColor(series.getMarkerColor());
      int size = chart.getStyler().getMarkerSize();
      series.getMarker().paint(g, x + width / 2, middle, size);
    } else {
      g.setColor(series.getFillColor());
      g.fill(new Rectangle2D.Double(x, middle - BOX / 2, BOX, BOX));
    }
  }

  private Font font() {
    return chart.getStyler().getLegendFont();
  }
}

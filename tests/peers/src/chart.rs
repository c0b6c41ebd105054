//! Figures as pictures.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::peer::Peer;
use crate::table::{count, number};

type Outcome = Result<(), Box<dyn Error>>;

const FONT: &str = "sans-serif";

fn colour(peer: Peer) -> RGBColor {
    match peer {
        Peer::Bound => RGBColor(214, 69, 65),
        Peer::Migrating => RGBColor(242, 153, 74),
        Peer::Go => RGBColor(0, 143, 183),
        Peer::Tokio => RGBColor(60, 60, 60),
        Peer::May => RGBColor(39, 150, 90),
        Peer::Floor => RGBColor(150, 150, 150),
    }
}

/// One line of a chart: a peer, and its figure at each point that has one.
pub(crate) type Line = (Peer, Vec<(f64, f64)>);

/// How cost grows: a line a peer, both axes logarithmic.
///
/// # Errors
///
/// If the file cannot be written.
pub(crate) fn lines(path: &Path, title: &str, x: &str, y: &str, lines: &[Line]) -> Outcome {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let (Some(xs), Some(ys)) = (span(points().map(|point| point.0)), span(points().map(|point| point.1))) else {
        return Err(format!("{title}: there is no point to draw").into());
    };
    // Room above the lines for the names.
    let top = ys.1 * 1.6 * (ys.1 / ys.0).powf(0.5);
    let area = SVGBackend::new(path, (760, 460)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, (FONT, 20))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(76)
        .build_cartesian_2d((xs.0 / 1.3..xs.1 * 1.3).log_scale(), (ys.0 / 1.6..top).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(x)
        .y_desc(y)
        .x_label_formatter(&|value| count(value.round() as u64))
        .y_label_formatter(&|value| number(*value))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.15))
        .label_style((FONT, 13))
        .draw()?;
    for (peer, points) in lines {
        let colour = colour(*peer);
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
            .label(peer.title())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .label_font((FONT, 13))
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.2))
        .position(SeriesLabelPosition::UpperLeft)
        .draw()?;
    area.present()?;
    Ok(())
}

/// One row of [`ahead`]: what it is about, and how many times better than Go each one is.
pub(crate) type Lead = (String, Vec<(Peer, f64)>);

/// The whole table at a glance: a row a figure, and in it how many times better than Go each one is.
///
/// # Errors
///
/// If the file cannot be written.
pub(crate) fn ahead(path: &Path, rows: &[Lead]) -> Outcome {
    const ROW: usize = 26;
    let Some((least, most)) = span(rows.iter().flat_map(|(_, leads)| leads).map(|(_, lead)| *lead)) else {
        return Err("how far ahead of Go: there is nothing to draw".into());
    };
    let area = SVGBackend::new(path, (900, (rows.len() * ROW + 110) as u32)).into_drawing_area();
    area.fill(&WHITE)?;
    // The first row is the topmost.
    let count = i32::try_from(rows.len())?;
    let centre = |index: usize| SegmentValue::CenterOf(count - 1 - index as i32);
    let title = |at: &SegmentValue<i32>| match at {
        SegmentValue::CenterOf(height) => {
            rows.get((count - 1 - height) as usize).map_or_else(String::new, |(title, _)| title.clone())
        }
        SegmentValue::Exact(_) | SegmentValue::Last => String::new(),
    };
    let mut chart = ChartBuilder::on(&area)
        .caption("times better than Go", (FONT, 20))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(380)
        .build_cartesian_2d((least.min(1.0) / 1.3..most.max(1.0) * 1.3).log_scale(), (0..count - 1).into_segmented())?;
    chart
        .configure_mesh()
        .y_labels(rows.len())
        .y_label_formatter(&title)
        .x_label_formatter(&|value| number(*value))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .label_style((FONT, 13))
        .draw()?;
    let edges = [(1.0, SegmentValue::Exact(0)), (1.0, SegmentValue::Last)];
    chart.draw_series(LineSeries::new(edges, colour(Peer::Go).stroke_width(2)))?;
    for peer in Peer::ALL.into_iter().filter(|peer| *peer != Peer::Go) {
        let colour = colour(peer);
        let points = rows.iter().enumerate().flat_map(|(index, (_, leads))| {
            let y = centre(index);
            leads.iter().filter(move |(other, _)| *other == peer).map(move |(_, lead)| (*lead, y.clone()))
        });
        let drawn: Vec<_> = points.map(|point| Circle::new(point, 5, colour.filled())).collect();
        if !drawn.is_empty() {
            chart
                .draw_series(drawn)?
                .label(peer.title())
                .legend(move |(x, y)| Circle::new((x + 9, y), 5, colour.filled()));
        }
    }
    chart
        .configure_series_labels()
        .label_font((FONT, 13))
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.2))
        .position(SeriesLabelPosition::LowerRight)
        .draw()?;
    area.present()?;
    Ok(())
}

/// The least and the most of some figures, all above nothing.
fn span(figures: impl Iterator<Item = f64> + Clone) -> Option<(f64, f64)> {
    let positive = figures.filter(|figure| *figure > 0.0);
    Some((positive.clone().min_by(f64::total_cmp)?, positive.max_by(f64::total_cmp)?))
}

#[cfg(test)]
mod tests {
    use super::{ahead, lines};
    use crate::peer::Peer;

    #[test]
    fn charts_name_what_they_show() {
        let folder = std::env::temp_dir().join(format!("threadle-charts-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("there is room");
        let path = folder.join("chart.svg");
        let data = [(Peer::Bound, vec![(10.0, 12.0), (1e6, 40.0)]), (Peer::Go, vec![(10.0, 100.0)])];
        lines(&path, "yield", "goroutines", "ns a yield", &data).expect("it can be drawn");
        let drawn = std::fs::read_to_string(&path).expect("it was written");
        for text in ["yield", "goroutines", "ns a yield", "threadle, bound", "Go", "</svg>"] {
            assert!(drawn.contains(text), "{text}");
        }
        let rows = [("spawn".to_owned(), vec![(Peer::Bound, 4.0), (Peer::Tokio, 0.3)]), ("fib".to_owned(), vec![])];
        ahead(&path, &rows).expect("it can be drawn");
        let drawn = std::fs::read_to_string(&path).expect("it was written");
        for text in ["spawn", "fib", "tokio", "</svg>"] {
            assert!(drawn.contains(text), "{text}");
        }
        assert!(lines(&path, "yield", "", "", &[]).is_err());
        std::fs::remove_dir_all(folder).expect("it is ours");
    }
}

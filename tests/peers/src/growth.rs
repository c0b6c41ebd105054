//! How cost grows: the points of a series, as a table and as the lines of a chart.

use std::fmt::Write as _;

use crate::build::Built;
use crate::chart::Line;
use crate::gather::{self, Cell, Gathered};
use crate::peer::Peer;
use crate::program::{Scale, arguments};
use crate::series::{Series, is_for, limit};
use crate::table::{Notes, cell, count};
use crate::verdict::{Verdict, stays_flat};

/// The answers at each point.
pub(crate) type Points = Vec<(u64, Gathered)>;

/// Runs the series' program at each of its points.
pub(crate) fn gather(series: &Series, built: &Built, peers: &[Peer], runs: usize, scale: Scale) -> Points {
    let peers: Vec<Peer> = peers.iter().copied().filter(|peer| is_for(*peer)).collect();
    let point = |x: &u64| {
        let mut arguments = arguments(series.sizes, scale);
        arguments.push(format!("{}={x}", series.over.0));
        if series.over.0 != "workers" {
            arguments.push("workers=2".to_owned());
        }
        (*x, gather::gather(built, &peers, runs, limit(scale), series.program, &arguments))
    };
    series.points(scale).iter().map(point).collect()
}

/// A row a point, a column a peer.
pub(crate) fn table(series: &Series, points: &Points, notes: &mut Notes) -> String {
    let peers: Vec<Peer> = points.first().map_or_else(Vec::new, |(_, gathered)| gathered.peers().collect());
    let mut text = format!("| {} |", series.over.1);
    for peer in &peers {
        let _ = write!(text, " {peer} |");
    }
    let _ = write!(text, "\n|---:|{}", "---:|".repeat(peers.len()));
    for (x, gathered) in points {
        let _ = write!(text, "\n| {} |", count(*x));
        for peer in &peers {
            let name = format!("{} with {} {}", series.program, count(*x), series.over.1);
            let _ = write!(text, " {} |", cell(&gathered.cell(*peer, series.figure.0), *peer, &name, notes));
        }
    }
    text.push('\n');
    text
}

/// The lines of the chart.
pub(crate) fn lines(series: &Series, points: &Points) -> Vec<Line> {
    let line = |peer: Peer| {
        let measured = points.iter().filter_map(|(x, gathered)| Some((*x as f64, figure(series, gathered, peer)?)));
        (peer, measured.collect::<Vec<_>>())
    };
    Peer::ALL.into_iter().map(line).filter(|(_, points)| !points.is_empty()).collect()
}

fn figure(series: &Series, gathered: &Gathered, peer: Peer) -> Option<f64> {
    gathered.cell(peer, series.figure.0).median()
}

/// Whether `peer` stays as flat as the series is to be.
pub(crate) fn judge(series: &Series, points: &Points, peer: Peer) -> Verdict {
    let Some((from, factor)) = series.flat else { return Verdict::Free };
    let cells: Vec<(u64, Cell)> =
        points.iter().map(|(x, gathered)| (*x, gathered.cell(peer, series.figure.0))).collect();
    stays_flat(series.better, from, factor, &cells)
}

#[cfg(test)]
mod tests {
    use super::{judge, lines, table};
    use crate::answer::Answer;
    use crate::gather::Gathered;
    use crate::peer::Peer;
    use crate::program::Better;
    use crate::series::Series;
    use crate::table::Notes;
    use crate::verdict::Verdict;

    const SERIES: Series = Series {
        name: "procs",
        title: "yield",
        program: "yield",
        over: ("workers", "processors"),
        points: &[2, 16],
        quick: &[2],
        sizes: &[],
        figure: ("ns", "ns a yield"),
        better: Better::Less,
        flat: Some((2, 1.3)),
    };

    fn points() -> super::Points {
        let at = |go: f64, may: Answer| {
            let mut gathered = Gathered::default();
            gathered.add(Peer::Go, Answer::Figures([("ns".to_owned(), go)].into()));
            gathered.add(Peer::May, may);
            gathered
        };
        let may = Answer::Figures([("ns".to_owned(), 20.0)].into());
        vec![(2, at(100.0, may)), (16, at(140.0, Answer::Died("signal: 6".to_owned())))]
    }

    #[test]
    fn the_table_of_a_fixed_sample() {
        let mut notes = Notes::default();
        let expected = "\
| processors | Go | may |
|---:|---:|---:|
| 2 | 100 | 20.0 |
| 16 | 140 | **none** [1] |
";
        assert_eq!(table(&SERIES, &points(), &mut notes), expected);
        assert_eq!(notes.text(), "[1] may, yield with 16 processors: signal: 6  \n");
    }

    #[test]
    fn a_point_that_is_missing_is_not_drawn() {
        let expected = vec![(Peer::Go, vec![(2.0, 100.0), (16.0, 140.0)]), (Peer::May, vec![(2.0, 20.0)])];
        assert_eq!(lines(&SERIES, &points()), expected);
    }

    #[test]
    fn what_is_to_stay_flat_is_judged() {
        assert_eq!(judge(&SERIES, &points(), Peer::Go), Verdict::Missed);
        assert_eq!(judge(&SERIES, &points(), Peer::May), Verdict::Open);
    }
}

//! All that was found, as the generated part of the page.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::chart::{self, Lead};
use crate::flags::Flags;
use crate::gather::Gathered;
use crate::growth::{self, Points};
use crate::peer::Peer;
use crate::program::Row;
use crate::series::Series;
use crate::table::{Notes, table};
use crate::verdict::{Verdict, ahead, judge};

/// CPUs that others keep busy, from which on the figures are theirs, too.
const BUSY: f64 = 0.2;

/// The answers to everything, and what they were measured with.
pub(crate) struct Report<'a> {
    flags: &'a Flags,
    machine: Vec<(&'static str, String)>,
    busy: f64,
    touched: u64,
    rows: Vec<(&'a Row, Gathered)>,
    series: Vec<(&'a Series, Points)>,
}

impl<'a> Report<'a> {
    /// Nothing has been asked yet.
    pub(crate) fn new(flags: &'a Flags, machine: Vec<(&'static str, String)>, busy: f64, touched: u64) -> Report<'a> {
        Report { flags, machine, busy, touched, rows: Vec::new(), series: Vec::new() }
    }

    /// Adds the answers to a row.
    pub(crate) fn add_row(&mut self, row: &'a Row, answers: Gathered) {
        self.rows.push((row, answers));
    }

    /// Adds the answers to a series.
    pub(crate) fn add_series(&mut self, series: &'a Series, points: Points) {
        self.series.push((series, points));
    }

    /// Everything as text; the charts it shows are written to `folder`/charts.
    ///
    /// # Errors
    ///
    /// If a chart cannot be written.
    pub(crate) fn text(&self, folder: &Path) -> Result<String, Box<dyn Error>> {
        let charts = folder.join("charts");
        fs::create_dir_all(&charts)?;
        let mut notes = Notes::default();
        let mut text = self.preamble();
        if !self.rows.is_empty() {
            let rows = table(&self.flags.peers, &self.rows, !self.flags.quick, &mut notes);
            let _ = write!(text, "\n### The table\n\n{rows}");
            let leads = self.leads();
            if !leads.is_empty() {
                chart::ahead(&charts.join("ahead-of-go.svg"), &leads)?;
                text.push_str("\n![how many times better than Go](charts/ahead-of-go.svg)\n");
            }
        }
        if !self.series.is_empty() {
            text.push_str("\n### How cost grows\n");
        }
        for (series, points) in &self.series {
            let _ = write!(text, "\n#### {}: {}, by {}\n\n", series.title, series.figure.1, series.over.1);
            let lines = growth::lines(series, points);
            if !lines.is_empty() {
                let file = format!("{}.svg", series.name);
                chart::lines(&charts.join(&file), series.title, series.over.1, series.figure.1, &lines)?;
                let _ = writeln!(text, "![{}](charts/{file})\n", series.title);
            }
            text.push_str(&growth::table(series, points, &mut notes));
            text.push_str(&self.flatness(series, points));
        }
        let notes = notes.text();
        if !notes.is_empty() {
            let _ = write!(text, "\n### Notes\n\n{notes}");
        }
        Ok(text)
    }

    /// Whether every bound was looked at and met.
    pub(crate) fn all_met(&self) -> bool {
        let good = |verdict| matches!(verdict, Verdict::Met | Verdict::Free);
        let rows =
            self.rows.iter().flat_map(|(row, gathered)| row.figures.iter().map(move |figure| (figure, gathered)));
        self.ours().all(|peer| {
            rows.clone().all(|(figure, gathered)| good(judge(figure, gathered, peer)))
                && self.series.iter().all(|(series, points)| good(growth::judge(series, points, peer)))
        })
    }

    fn ours(&self) -> impl Iterator<Item = Peer> {
        self.flags.peers.iter().copied().filter(|peer| peer.is_ours())
    }

    fn preamble(&self) -> String {
        let mut text = String::from("| | |\n|---|---|\n");
        for (what, value) in &self.machine {
            let _ = writeln!(text, "| {what} | {value} |");
        }
        let command = std::env::args().skip(1).fold("threadle-peers".to_owned(), |all, one| format!("{all} {one}"));
        let _ = writeln!(text, "| command | `{command}` |");
        let _ = writeln!(text, "| runs | {}; of a point of a series {} |", self.flags.runs, self.flags.runs.min(3));
        let _ = writeln!(text, "| touched and freed first | {} MiB |", self.touched >> 20);
        if self.busy > BUSY {
            let _ = writeln!(
                text,
                "
**Others kept {:.1} CPUs of the machine busy when this began: no figure here counts.**",
                self.busy
            );
        }
        if self.flags.quick {
            text.push_str("\n**A quick run: the sizes are small, and no bound is held against them.**\n");
        }
        text
    }

    /// A line about each series that is to stay flat.
    fn flatness(&self, series: &Series, points: &Points) -> String {
        let Some((from, factor)) = series.flat else { return String::new() };
        if self.flags.quick {
            return String::new();
        }
        let verdict = |peer| match growth::judge(series, points, peer) {
            Verdict::Met => format!("{peer}: yes"),
            Verdict::Missed => format!("{peer}: **no**"),
            Verdict::Open | Verdict::Free => format!("{peer}: open"),
        };
        let verdicts: Vec<String> = self.ours().map(verdict).collect();
        format!("\nAt most {factor} times the cost at {from}: {}.\n", verdicts.join("; "))
    }

    /// How many times better than Go each peer is, a row a figure.
    fn leads(&self) -> Vec<Lead> {
        let figures =
            self.rows.iter().flat_map(|(row, gathered)| row.figures.iter().map(move |figure| (row, figure, gathered)));
        let lead = |(row, figure, gathered): (&&Row, &crate::program::Figure, &Gathered)| {
            let go = gathered.cell(Peer::Go, figure.key).median().filter(|go| *go > 0.0)?;
            let one = |peer: Peer| {
                let theirs = gathered.cell(peer, figure.key).median().filter(|theirs| *theirs > 0.0)?;
                Some((peer, ahead(figure.better, theirs, go)))
            };
            let title =
                if figure.title.is_empty() { row.title.to_owned() } else { format!("{}: {}", row.title, figure.title) };
            Some((title, self.flags.peers.iter().copied().filter_map(one).collect()))
        };
        figures.filter_map(lead).collect()
    }
}

//! The figures as a table, in Markdown: for the page, and readable enough on a terminal.

use std::fmt::Write as _;

use crate::gather::{Cell, Gathered};
use crate::peer::Peer;
use crate::program::{Better, Bound, Figure, Row};
use crate::statistics::Summary;
use crate::verdict::{Verdict, ahead, best, judge};

/// What a cell cannot hold: why there is no figure, and how runs failed. Each is said once.
#[derive(Default, Debug)]
pub(crate) struct Notes(Vec<String>);

impl Notes {
    /// The number under which `note` stands.
    pub(crate) fn number(&mut self, note: String) -> usize {
        if let Some(index) = self.0.iter().position(|other| *other == note) {
            return index + 1;
        }
        self.0.push(note);
        self.0.len()
    }

    /// All of them, a line each.
    pub(crate) fn text(&self) -> String {
        self.0.iter().enumerate().fold(String::new(), |mut text, (index, note)| {
            let _ = writeln!(text, "[{}] {note}  ", index + 1);
            text
        })
    }
}

/// The whole table. `judged` is whether bounds are held against the figures, which the small sizes of a quick run are not for.
pub(crate) fn table(peers: &[Peer], rows: &[(&Row, Gathered)], judged: bool, notes: &mut Notes) -> String {
    let ours: Vec<Peer> = peers.iter().copied().filter(|peer| peer.is_ours()).collect();
    let mut text = String::from("| program | unit |");
    for peer in peers {
        let _ = write!(text, " {peer} |");
    }
    text.push_str(" ahead of Go | of the best peer | to be met | met |\n|---|---|");
    text.push_str(&"---:|".repeat(peers.len()));
    text.push_str("---:|---:|---|---|\n");
    for (row, gathered) in rows {
        for figure in row.figures {
            let title = if figure.title.is_empty() { String::new() } else { format!(": {}", figure.title) };
            let _ = write!(text, "| {}{title} | {} |", row.title, figure.unit);
            for peer in peers {
                let _ = write!(text, " {} |", cell(&gathered.cell(*peer, figure.key), *peer, row.name, notes));
            }
            let go = gathered.cell(Peer::Go, figure.key).median();
            let lead = |theirs| ratios(&ours, gathered, figure, theirs);
            let verdict = if judged { verdicts(&ours, gathered, figure) } else { "not judged".to_owned() };
            let _ = writeln!(
                text,
                " {} | {} | {} | {verdict} |",
                lead(go),
                lead(best(figure, gathered)),
                bounds(figure.better, figure.bounds),
            );
        }
    }
    text
}

/// A cell; what it cannot hold goes to the notes.
pub(crate) fn cell(cell: &Cell, peer: Peer, program: &str, notes: &mut Notes) -> String {
    match cell {
        Cell::Measured(summary, None) => spread(summary),
        Cell::Measured(summary, Some(failure)) => {
            format!("{} [{}]", spread(summary), notes.number(format!("{peer}, {program}: {failure}")))
        }
        Cell::Absent(why) => format!("- [{}]", notes.number(format!("{peer}: {why}"))),
        Cell::Failed(how) => format!("**none** [{}]", notes.number(format!("{peer}, {program}: {how}"))),
    }
}

fn spread(summary: &Summary) -> String {
    let median = number(summary.median);
    if summary.runs == 1 { median } else { format!("{median} ({}..{})", number(summary.least), number(summary.most)) }
}

/// Three digits that count, thousands apart.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        size if size >= 99.95 || size == 0.0 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    if size < 9_999.5 {
        return text;
    }
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    format!("{sign}{}", apart(digits))
}

/// A number of things: thousands apart.
pub(crate) fn count(things: u64) -> String {
    let digits = things.to_string();
    if things < 10_000 { digits } else { apart(&digits) }
}

fn apart(digits: &str) -> String {
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(" ")
}

/// How many times better each of ours is than `theirs`.
fn ratios(ours: &[Peer], gathered: &Gathered, figure: &Figure, theirs: Option<f64>) -> String {
    let ratio = |peer: &Peer| match (gathered.cell(*peer, figure.key).median(), theirs) {
        // A difference of two times can be below nothing, and then has no ratio.
        (Some(ours), Some(theirs)) if ours > 0.0 && theirs > 0.0 => {
            format!("{} x", number(ahead(figure.better, ours, theirs)))
        }
        _ => "-".to_owned(),
    };
    ours.iter().map(ratio).collect::<Vec<_>>().join(" / ")
}

fn verdicts(ours: &[Peer], gathered: &Gathered, figure: &Figure) -> String {
    let word = |peer: &Peer| match judge(figure, gathered, *peer) {
        Verdict::Met => "yes",
        Verdict::Missed => "**no**",
        Verdict::Open => "open",
        Verdict::Free => "-",
    };
    ours.iter().map(word).collect::<Vec<_>>().join(" / ")
}

fn bounds(better: Better, bounds: &[Bound]) -> String {
    let side = match better {
        Better::Less => "at most",
        Better::More => "at least",
    };
    let bounds: Vec<String> = bounds
        .iter()
        .map(|bound| match bound {
            Bound::Number(limit) => number(*limit),
            Bound::Times(factor, peer) => format!("{factor} x {peer}"),
            Bound::TimesBest(factor) => format!("{factor} x the best"),
        })
        .collect();
    if bounds.is_empty() { "-".to_owned() } else { format!("{side} {}", bounds.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::{Notes, count, number, table};
    use crate::answer::Answer;
    use crate::gather::Gathered;
    use crate::peer::Peer;
    use crate::program::{Better, Bound, Figure, Row};

    #[test]
    fn numbers_have_three_digits_that_count() {
        let numbers = [0.0, 0.0312, 0.99961, 9.4, 12.34, 99.96, 447.4, 2733.0, 148_000.4, 1_234_567.0, -12.0];
        let texts = ["0", "0.031", "1.00", "9.40", "12.3", "100", "447", "2733", "148 000", "1 234 567", "-12.0"];
        assert_eq!(numbers.map(number), texts);
        assert_eq!([2, 1_000, 19_000, 1_000_000].map(count), ["2", "1000", "19 000", "1 000 000"]);
    }

    const ROW: Row = Row {
        name: "spawn",
        title: "spawn and finish",
        program: "spawn",
        sizes: &[],
        figures: &[
            Figure {
                key: "ns",
                title: "",
                unit: "ns",
                better: Better::Less,
                bounds: &[Bound::Number(50.0)],
                margin: Some(1.05),
            },
            Figure {
                key: "per_second",
                title: "a second",
                unit: "/s",
                better: Better::More,
                bounds: &[Bound::Times(1.2, Peer::Go), Bound::TimesBest(1.05)],
                margin: None,
            },
        ],
        limit: (1, 1),
    };

    fn sample() -> Gathered {
        let mut gathered = Gathered::default();
        let mut add = |peer, figures: &[(&str, f64)]| {
            let figures = figures.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect();
            gathered.add(peer, Answer::Figures(figures));
        };
        for (bound, migrating) in [(52.0, 50.0), (50.0, 49.0), (54.0, 51.0)] {
            add(Peer::Bound, &[("ns", bound), ("per_second", 1e9 / bound)]);
            add(Peer::Migrating, &[("ns", migrating), ("per_second", 1e9 / migrating)]);
        }
        add(Peer::Go, &[("ns", 200.0)]);
        for _ in 0..2 {
            gathered.add(Peer::Tokio, Answer::Absent("it has no such thing".to_owned()));
            gathered.add(Peer::May, Answer::Died("signal: 11 (SIGSEGV)".to_owned()));
        }
        gathered
    }

    #[test]
    fn the_table_of_a_fixed_sample() {
        let mut notes = Notes::default();
        let peers = [Peer::Bound, Peer::Migrating, Peer::Go, Peer::Tokio, Peer::May];
        let text = table(&peers, &[(&ROW, sample())], true, &mut notes);
        let expected = "\
| program | unit | threadle, bound | threadle, migrating | Go | tokio | may | ahead of Go | of the best peer | to be met | met |
|---|---|---:|---:|---:|---:|---:|---:|---:|---|---|
| spawn and finish | ns | 52.0 (50.0..54.0) | 50.0 (49.0..51.0) | 200 | - [1] | **none** [2] | 3.85 x / 4.00 x | 3.85 x / 4.00 x | at most 50.0 | yes / yes |
| spawn and finish: a second | /s | 19 230 769 (18 518 519..20 000 000) | 20 000 000 (19 607 843..20 408 163) | - [3] | - [1] | **none** [2] | - / - | - / - | at least 1.2 x Go, 1.05 x the best | - / open |
";
        assert_eq!(text, expected);
        assert_eq!(
            notes.text(),
            "[1] tokio: it has no such thing  \n\
             [2] may, spawn: 2 of 2 runs: signal: 11 (SIGSEGV)  \n\
             [3] Go: it has nothing to compare with that  \n"
        );
    }

    #[test]
    fn a_quick_run_is_not_judged() {
        let text = table(&[Peer::Migrating], &[(&ROW, sample())], false, &mut Notes::default());
        assert!(text.contains("| not judged |") && !text.contains("yes"), "{text}");
    }
}

//! What a program answers: lines of its standard output.

use std::collections::BTreeMap;

/// How one run of one program ended.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Answer {
    /// Its figures, by name.
    Figures(BTreeMap<String, f64>),
    /// The system has no such program: why.
    Absent(String),
    /// It did not end as it should: how.
    Died(String),
    /// It did not end: for so many seconds.
    Hung(u64),
}

/// Reads what a program that ended well has printed.
pub(crate) fn parse(output: &str) -> Answer {
    let mut figures = BTreeMap::new();
    for line in output.lines() {
        match line.split_once(' ') {
            Some(("absent", reason)) => return Answer::Absent(reason.to_owned()),
            Some(("figure", rest)) => match rest.split_once(' ').map(|(name, value)| (name, value.parse::<f64>())) {
                Some((name, Ok(value))) if value.is_finite() => {
                    figures.insert(name.to_owned(), value);
                }
                _ => return Answer::Died(format!("not a figure: {line:?}")),
            },
            _ => return Answer::Died(format!("it printed {line:?}")),
        }
    }
    if figures.is_empty() { Answer::Died("it printed nothing".to_owned()) } else { Answer::Figures(figures) }
}

#[cfg(test)]
mod tests {
    use super::{Answer, parse};

    #[test]
    fn figures_are_read_by_name() {
        let Answer::Figures(figures) = parse("figure bytes 2733\nfigure wake_s 3.9e-1\n") else {
            panic!("they are well formed");
        };
        assert_eq!((figures["bytes"], figures["wake_s"]), (2733.0, 0.39));
    }

    #[test]
    fn an_absence_has_its_reason() {
        assert_eq!(parse("absent it has no timers\n"), Answer::Absent("it has no timers".to_owned()));
    }

    #[test]
    fn what_is_no_figure_is_shown_and_not_passed_over() {
        for (output, complaint) in [
            ("", "nothing"),
            ("figure ns\n", "not a figure"),
            ("figure ns fast\n", "not a figure"),
            ("figure ns inf\n", "not a figure"),
            ("figure ns 3\nwarning: this and that\n", "this and that"),
        ] {
            let Answer::Died(why) = parse(output) else { panic!("{output:?} was taken for figures") };
            assert!(why.contains(complaint), "{why}");
        }
    }
}

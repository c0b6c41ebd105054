//! Whether a figure is as good as it is to be.

use crate::gather::{Cell, Gathered};
use crate::peer::Peer;
use crate::program::{Better, Bound, Figure};

/// What has become of a figure's bounds, for one of threadle's modes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// All are met.
    Met,
    /// At least one is missed.
    Missed,
    /// None is missed, but at least one could not be looked at: the figure, or what it is to be compared with, is not there.
    Open,
    /// There is none.
    Free,
}

/// Holds the figure of `ours` against all of its bounds.
pub(crate) fn judge(figure: &Figure, gathered: &Gathered, ours: Peer) -> Verdict {
    let margin = match (ours, figure.margin) {
        (Peer::Bound, None) => return Verdict::Free,
        (Peer::Bound, Some(margin)) => margin,
        _ => 1.0,
    };
    if figure.bounds.is_empty() {
        return Verdict::Free;
    }
    let Some(measured) = gathered.cell(ours, figure.key).median() else { return Verdict::Open };
    let verdicts = figure.bounds.iter().map(|bound| match limit(*bound, figure, gathered) {
        None => Verdict::Open,
        Some(limit) if holds(figure.better, measured, limit, margin) => Verdict::Met,
        Some(_) => Verdict::Missed,
    });
    verdicts.fold(Verdict::Met, |all, one| match (all, one) {
        (Verdict::Missed, _) | (_, Verdict::Missed) => Verdict::Missed,
        (Verdict::Open, _) | (_, Verdict::Open) => Verdict::Open,
        _ => Verdict::Met,
    })
}

/// Whether `measured` is on the right side of `limit`, give or take `margin`.
pub(crate) fn holds(better: Better, measured: f64, limit: f64, margin: f64) -> bool {
    match better {
        Better::Less => measured <= limit * margin,
        Better::More => measured >= limit / margin,
    }
}

/// A bound as a number; none where the peer it names has none, and never one where no peer has.
fn limit(bound: Bound, figure: &Figure, gathered: &Gathered) -> Option<f64> {
    match bound {
        Bound::Number(limit) => Some(limit),
        Bound::Times(factor, peer) => Some(factor * gathered.cell(peer, figure.key).median()?),
        Bound::TimesBest(factor) => Some(factor * best(figure, gathered)?),
    }
}

/// The best of the other systems, the floor not among them.
pub(crate) fn best(figure: &Figure, gathered: &Gathered) -> Option<f64> {
    let figures = Peer::OTHERS.into_iter().filter_map(|peer| gathered.cell(peer, figure.key).median());
    match figure.better {
        Better::Less => figures.min_by(f64::total_cmp),
        Better::More => figures.max_by(f64::total_cmp),
    }
}

/// How many times better `ours` is than `theirs`.
pub(crate) fn ahead(better: Better, ours: f64, theirs: f64) -> f64 {
    match better {
        Better::Less => theirs / ours,
        Better::More => ours / theirs,
    }
}

/// For a series that is to stay flat: whether `cells`, point by point, does so from the point `from` on.
pub(crate) fn stays_flat(better: Better, from: u64, factor: f64, points: &[(u64, Cell)]) -> Verdict {
    let Some(reference) = points.iter().find(|(x, _)| *x == from).and_then(|(_, cell)| cell.median()) else {
        return Verdict::Open;
    };
    let later = points.iter().filter(|(x, _)| *x > from);
    let verdicts = later.map(|(_, cell)| match cell.median() {
        None => Verdict::Open,
        Some(figure) if ahead(better, figure, reference) >= 1.0 / factor => Verdict::Met,
        Some(_) => Verdict::Missed,
    });
    verdicts.fold(Verdict::Met, |all, one| if all == Verdict::Missed || one == Verdict::Met { all } else { one })
}

#[cfg(test)]
mod tests {
    use super::{Verdict, ahead, judge, stays_flat};
    use crate::answer::Answer;
    use crate::gather::{Cell, Gathered};
    use crate::peer::Peer;
    use crate::program::{Better, Bound, Figure};
    use crate::statistics::Summary;

    fn gathered(figures: &[(Peer, f64)]) -> Gathered {
        let mut gathered = Gathered::default();
        for (peer, figure) in figures {
            gathered.add(*peer, Answer::Figures([("x".to_owned(), *figure)].into()));
        }
        gathered
    }

    fn figure(better: Better, bounds: &'static [Bound], margin: Option<f64>) -> Figure {
        Figure { key: "x", title: "", unit: "", better, bounds, margin }
    }

    #[test]
    fn less_is_at_most_and_more_is_at_least() {
        let all = gathered(&[(Peer::Migrating, 10.0)]);
        let verdict = |better, bounds| judge(&figure(better, bounds, None), &all, Peer::Migrating);
        assert_eq!(verdict(Better::Less, &[Bound::Number(10.0)]), Verdict::Met);
        assert_eq!(verdict(Better::Less, &[Bound::Number(9.9)]), Verdict::Missed);
        assert_eq!(verdict(Better::More, &[Bound::Number(10.1)]), Verdict::Missed);
        assert_eq!(verdict(Better::More, &[]), Verdict::Free);
    }

    #[test]
    fn a_bound_can_be_another_ones_figure() {
        let all = gathered(&[(Peer::Migrating, 120.0), (Peer::Go, 100.0), (Peer::Tokio, 110.0), (Peer::Floor, 300.0)]);
        let verdict = |bounds| judge(&figure(Better::More, bounds, None), &all, Peer::Migrating);
        assert_eq!(verdict(&[Bound::Times(1.2, Peer::Go), Bound::TimesBest(1.05)]), Verdict::Met);
        assert_eq!(verdict(&[Bound::Times(1.2, Peer::Go), Bound::TimesBest(1.2)]), Verdict::Missed);
        // may is not there, which leaves it open, unless another one is missed anyway.
        assert_eq!(verdict(&[Bound::Times(1.2, Peer::Go), Bound::Times(1.0, Peer::May)]), Verdict::Open);
        assert_eq!(verdict(&[Bound::Times(1.0, Peer::May), Bound::Times(2.0, Peer::Go)]), Verdict::Missed);
    }

    #[test]
    fn bound_mode_has_its_margin() {
        let all = gathered(&[(Peer::Bound, 10.4)]);
        let verdict = |margin| judge(&figure(Better::Less, &[Bound::Number(10.0)], margin), &all, Peer::Bound);
        assert_eq!(verdict(Some(1.05)), Verdict::Met);
        assert_eq!(verdict(Some(1.0)), Verdict::Missed);
        assert_eq!(verdict(None), Verdict::Free);
        assert_eq!(judge(&figure(Better::Less, &[Bound::Number(1.0)], None), &all, Peer::Migrating), Verdict::Open);
    }

    #[test]
    fn ahead_is_more_than_one_whichever_way_is_better() {
        assert_eq!(ahead(Better::Less, 10.0, 20.0), 2.0);
        assert_eq!(ahead(Better::More, 20.0, 10.0), 2.0);
    }

    #[test]
    fn a_flat_series_may_rise_by_its_factor_and_no_more() {
        let cell = |figure| Cell::Measured(Summary::of(&[figure]).expect("there is one"), None);
        let verdict = |last| stays_flat(Better::Less, 2, 1.3, &[(1, cell(1.0)), (2, cell(10.0)), (16, last)]);
        assert_eq!(verdict(cell(13.0)), Verdict::Met);
        assert_eq!(verdict(cell(13.2)), Verdict::Missed);
        assert_eq!(verdict(Cell::Failed("signal: 11".to_owned())), Verdict::Open);
        assert_eq!(stays_flat(Better::More, 2, 1.3, &[(2, cell(13.0)), (4, cell(10.0))]), Verdict::Met);
        assert_eq!(stays_flat(Better::More, 2, 1.3, &[(2, cell(13.2)), (4, cell(10.0))]), Verdict::Missed);
    }
}

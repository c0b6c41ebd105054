//! What several runs amount to.

/// The figures of several runs of one program.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) runs: usize,
}

impl Summary {
    /// Of no figures there is none. The median of an even number is the mean of the two in the middle.
    pub(crate) fn of(figures: &[f64]) -> Option<Summary> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
        Some(Summary { median, least, most, runs: sorted.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn the_median_is_in_the_middle() {
        let summary = |figures: &[f64]| Summary::of(figures).expect("there are figures");
        assert_eq!(summary(&[3.0]), Summary { median: 3.0, least: 3.0, most: 3.0, runs: 1 });
        assert_eq!(summary(&[9.0, 1.0, 2.0]), Summary { median: 2.0, least: 1.0, most: 9.0, runs: 3 });
        assert_eq!(summary(&[4.0, 1.0, 2.0, 100.0]).median, 3.0);
        // One that was disturbed does not move it.
        assert_eq!(summary(&[10.0, 11.0, 12.0, 11.0, 1e6]).median, 11.0);
    }

    #[test]
    fn of_nothing_there_is_none() {
        assert_eq!(Summary::of(&[]), None);
    }
}

use std::time::Duration;

/// How late something was, many times.
#[derive(Clone, Debug, Default)]
pub struct Lateness(Vec<Duration>);

impl Lateness {
    /// The mean; zero of nothing.
    pub fn mean(&self) -> Duration {
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX).max(1);
        self.0.iter().sum::<Duration>() / count
    }

    /// The median; zero of nothing.
    pub fn median(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }

    /// The greatest; zero of nothing.
    pub fn max(&self) -> Duration {
        self.0.iter().copied().max().unwrap_or_default()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<Duration> for Lateness {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Lateness {
        Lateness(durations.into_iter().collect())
    }
}

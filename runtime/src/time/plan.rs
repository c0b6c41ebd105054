//! What a timer that calls is to do: the part of `callback.rs` that decides, under its lock. Modelled in `plan_loom.rs`.

/// No call is planned.
pub(crate) const NEVER: u64 = u64::MAX;

pub(crate) struct Plan<F> {
    at: u64,
    /// 0: once.
    period: u64,
    /// Not there while it runs, nor after it has panicked.
    f: Option<F>,
}

impl<F> Plan<F> {
    pub(crate) fn new(period: u64, f: F) -> Self {
        Plan { at: NEVER, period, f: Some(f) }
    }

    /// Plans the next call; for when the former one was planned.
    pub(crate) fn set(&mut self, at: u64) -> u64 {
        std::mem::replace(&mut self.at, at)
    }

    /// Whether somebody has to ask [`fire`](Self::fire). Not while the function runs: [`put_back`](Self::put_back) tells then.
    pub(crate) fn may_fire(&self) -> bool {
        self.at != NEVER && self.f.is_some()
    }

    /// It is `now`, or a little later. The function, if it is to be called: then this call of it is no longer planned.
    pub(crate) fn fire(&mut self, now: u64) -> Option<F> {
        if self.at > now || self.at == NEVER {
            // Reset or stopped since the entry that we come from was armed.
            return None;
        }
        let f = self.f.take()?;
        self.at = match self.period {
            0 => NEVER,
            period => period.saturating_mul((now - self.at) / period + 1).saturating_add(self.at),
        };
        Some(f)
    }

    /// The function has returned; when it is to be called next.
    pub(crate) fn put_back(&mut self, f: F) -> Option<u64> {
        self.f = Some(f);
        (self.at != NEVER).then_some(self.at)
    }
}

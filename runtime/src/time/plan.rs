//! What a timer that calls is to do: the part of `callback.rs` that decides, under its lock. Modelled in `plan_loom.rs`.

/// No call is planned.
pub(crate) const NEVER: u64 = u64::MAX;

pub(crate) struct Plan<F> {
    at: u64,
    /// 0: once.
    period: u64,
    /// Not there while it runs, nor when it is over.
    f: Option<F>,
    /// It has panicked or broken off: it is never called again.
    over: bool,
    /// Somebody has been sent to run it, and has not begun: he asks [`fire`](Plan::fire) first.
    under_way: bool,
}

impl<F> Plan<F> {
    pub(crate) fn new(at: u64, period: u64, f: F) -> Self {
        Plan { at, period, f: Some(f), over: false, under_way: false }
    }

    /// Plans the next call, if there can be one; for when the former one was planned.
    pub(crate) fn set(&mut self, at: u64) -> u64 {
        if self.over { NEVER } else { std::mem::replace(&mut self.at, at) }
    }

    /// There will be no call any more, whatever was planned.
    pub(crate) fn end(&mut self) {
        (self.at, self.over) = (NEVER, true);
    }

    /// Whether somebody has to ask [`due`](Self::due) at its time. Not while the function runs: [`put_back`](Self::put_back) tells then; nor
    /// while one is under way to it, who looks.
    pub(crate) fn may_fire(&self) -> bool {
        self.at != NEVER && self.f.is_some() && !self.under_way
    }

    /// It is `now`, or a little later. True: somebody is to be sent who asks [`fire`](Self::fire). The call is still planned: until he
    /// begins it can be called off.
    pub(crate) fn due(&mut self, now: u64) -> bool {
        let due = self.may_fire() && self.at <= now;
        self.under_way |= due;
        due
    }

    /// When somebody is to ask [`due`](Self::due), now that there was nothing to run.
    pub(crate) fn next(&self) -> Option<u64> {
        self.may_fire().then_some(self.at)
    }

    /// Who was sent begins. The function, if it is to be called: then this call of it is no longer planned.
    pub(crate) fn fire(&mut self, now: u64) -> Option<F> {
        self.under_way = false;
        if self.at > now || self.at == NEVER {
            // Reset or stopped since it came due.
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

//! `Semaphore`: permits as guards, over `raw_semaphore.rs`.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::raw_semaphore::{MAX, RawSemaphore};
use crate::base::{Reason, checkpoint};
use crate::wait::{GaveUp, Limit};

/// A number of permits, which are taken and given back, several at once if need be.
///
/// Served in the order of arrival: somebody who waits for many is not overtaken by those who want few. Permits are guards, and belong to no
/// thread: they may be sent to another goroutine, and given back there.
///
/// ```
/// use std::sync::Arc;
/// use threadle::sync::{Semaphore, WaitGroup};
///
/// threadle::run(|| {
///     let (group, at_once) = (WaitGroup::new(), Arc::new(Semaphore::new(3)));
///     for n in 0..10 {
///         // No more than three are under way.
///         let permit = at_once.clone().acquire_owned(1);
///         group.go(move || {
///             println!("{n}");
///             drop(permit);
///         });
///     }
///     group.wait();
/// });
/// ```
pub struct Semaphore {
    raw: RawSemaphore,
}

impl Semaphore {
    /// The most permits that a semaphore can have.
    ///
    /// ```
    /// use threadle::sync::Semaphore;
    /// assert_eq!(Semaphore::new(Semaphore::MAX_PERMITS).available(), Semaphore::MAX_PERMITS);
    /// ```
    pub const MAX_PERMITS: usize = MAX;

    /// A semaphore with so many permits.
    ///
    /// Switches: no.
    ///
    /// # Panics
    /// If there are more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    ///
    /// ```
    /// use threadle::sync::Semaphore;
    /// static CONNECTIONS: Semaphore = Semaphore::new(100);
    /// assert_eq!(CONNECTIONS.available(), 100);
    /// ```
    pub const fn new(permits: usize) -> Self {
        assert!(permits <= MAX, "a semaphore cannot have more than Semaphore::MAX_PERMITS permits");
        Semaphore { raw: RawSemaphore::new(permits) }
    }

    /// How many permits nobody holds. Some of them may be set aside for one who waits for more; and it may change at any moment.
    ///
    /// Switches: no.
    ///
    /// ```
    /// let semaphore = threadle::sync::Semaphore::new(3);
    /// let _two = semaphore.acquire(2);
    /// assert_eq!(semaphore.available(), 1);
    /// ```
    pub fn available(&self) -> usize {
        self.raw.available()
    }

    /// Adds `n` permits, for good.
    ///
    /// Switches: no.
    ///
    /// # Panics
    /// If there were more than [`MAX_PERMITS`](Self::MAX_PERMITS) then.
    ///
    /// ```
    /// let semaphore = threadle::sync::Semaphore::new(0);
    /// semaphore.add(2);
    /// assert!(semaphore.try_acquire(2).is_some());
    /// ```
    #[track_caller]
    pub fn add(&self, n: usize) {
        self.raw.release(n, |_| ());
    }

    /// Waits until `n` permits are free and everybody who came before is served, and takes them. They are given back when what this returns is
    /// dropped.
    ///
    /// Who asks for more than there will ever be waits for ever, and so does everybody behind.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let semaphore = threadle::sync::Semaphore::new(2);
    /// let both = semaphore.acquire(2);
    /// assert_eq!(both.permits(), 2);
    /// ```
    #[inline]
    #[track_caller]
    pub fn acquire(&self, n: usize) -> SemaphorePermit<'_> {
        match self.acquire_within(n, Limit::NONE) {
            Ok(permit) => permit,
            Err(_) => unreachable!("nothing ends this wait but the permits"),
        }
    }

    /// Takes `n` permits if they are free and nobody waits.
    ///
    /// Switches: no.
    ///
    /// ```
    /// let semaphore = threadle::sync::Semaphore::new(1);
    /// let one = semaphore.try_acquire(1).unwrap();
    /// assert!(semaphore.try_acquire(1).is_none());
    /// # drop(one);
    /// ```
    #[inline]
    pub fn try_acquire(&self, n: usize) -> Option<SemaphorePermit<'_>> {
        self.raw.try_acquire(n).then(|| SemaphorePermit(Permit { semaphore: self, permits: n }))
    }

    /// As [`acquire`](Self::acquire), for at most so long: `None` when the time is over.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let semaphore = threadle::sync::Semaphore::new(1);
    /// assert!(semaphore.acquire_timeout(2, Duration::from_millis(1)).is_none());
    /// ```
    #[inline]
    #[track_caller]
    pub fn acquire_timeout(&self, n: usize, timeout: Duration) -> Option<SemaphorePermit<'_>> {
        checkpoint();
        match self.try_acquire(n) {
            None => self.acquire_within(n, Limit::after(timeout)).ok(),
            got => got,
        }
    }

    /// As [`acquire`](Self::acquire), until `deadline` at most: `None` when it has passed.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let semaphore = threadle::sync::Semaphore::new(1);
    /// assert!(semaphore.acquire_deadline(1, std::time::Instant::now()).is_some());
    /// ```
    #[inline]
    #[track_caller]
    pub fn acquire_deadline(&self, n: usize, deadline: Instant) -> Option<SemaphorePermit<'_>> {
        self.acquire_within(n, Limit::at(deadline)).ok()
    }

    /// As [`acquire`](Self::acquire), for a goroutine that outlives this call: the permits keep the semaphore alive.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use threadle::sync::Semaphore;
    ///
    /// threadle::run(|| {
    ///     let semaphore = Arc::new(Semaphore::new(1));
    ///     let permit = semaphore.clone().acquire_owned(1);
    ///     let worker = threadle::go(move || drop(permit));
    ///     drop(semaphore.acquire(1));
    ///     worker.join().unwrap();
    /// });
    /// ```
    #[inline]
    #[track_caller]
    pub fn acquire_owned(self: Arc<Self>, n: usize) -> OwnedSemaphorePermit {
        self.acquire(n).forget();
        OwnedSemaphorePermit(Permit { semaphore: self, permits: n })
    }

    /// As [`try_acquire`](Self::try_acquire), with permits that keep the semaphore alive.
    ///
    /// Switches: no.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use threadle::sync::Semaphore;
    ///
    /// let semaphore = Arc::new(Semaphore::new(1));
    /// assert!(semaphore.clone().try_acquire_owned(2).is_none());
    /// assert!(semaphore.try_acquire_owned(1).is_some());
    /// ```
    #[inline]
    pub fn try_acquire_owned(self: Arc<Self>, n: usize) -> Option<OwnedSemaphorePermit> {
        self.try_acquire(n)?.forget();
        Some(OwnedSemaphorePermit(Permit { semaphore: self, permits: n }))
    }

    /// Permits that were acquired and forgotten.
    pub(crate) fn owned(self: Arc<Self>, n: usize) -> OwnedSemaphorePermit {
        OwnedSemaphorePermit(Permit { semaphore: self, permits: n })
    }

    #[inline]
    #[track_caller]
    pub(crate) fn acquire_within(&self, n: usize, limit: Limit<'_>) -> Result<SemaphorePermit<'_>, GaveUp> {
        checkpoint();
        self.raw.acquire(n, Reason::SemaphoreAcquire, limit, |_| ())?;
        Ok(SemaphorePermit(Permit { semaphore: self, permits: n }))
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("available", &self.available()).finish()
    }
}

/// Permits, however the semaphore is held.
struct Permit<S: Deref<Target = Semaphore>> {
    semaphore: S,
    permits: usize,
}

impl<S: Deref<Target = Semaphore>> Drop for Permit<S> {
    #[inline]
    fn drop(&mut self) {
        if self.permits > 0 {
            self.semaphore.raw.release(self.permits, |_| ());
        }
    }
}

/// Permits of a [`Semaphore`]; dropping it gives them back (and does not switch).
///
/// ```
/// let semaphore = threadle::sync::Semaphore::new(3);
/// let permit = semaphore.acquire(2);
/// assert_eq!(semaphore.available(), 1);
/// drop(permit);
/// assert_eq!(semaphore.available(), 3);
/// ```
#[must_use = "dropped at once, it gives the permits back at once"]
pub struct SemaphorePermit<'a>(Permit<&'a Semaphore>);

/// Permits of a [`Semaphore`] that keep it alive, by [`Semaphore::acquire_owned`]; dropping it gives them back (and does not switch).
///
/// ```
/// use std::sync::Arc;
/// use threadle::{go, sync::Semaphore};
/// threadle::run(|| {
///     let semaphore = Arc::new(Semaphore::new(1));
///     let permit = semaphore.clone().acquire_owned(1);
///     go(move || drop(permit)).join().unwrap(); // goes along with what it is for
///     assert_eq!(semaphore.available(), 1);
/// });
/// ```
#[must_use = "dropped at once, it gives the permits back at once"]
pub struct OwnedSemaphorePermit(Permit<Arc<Semaphore>>);

impl SemaphorePermit<'_> {
    /// How many permits these are. Switches: no.
    ///
    /// ```
    /// assert_eq!(threadle::sync::Semaphore::new(3).acquire(2).permits(), 2);
    /// ```
    pub fn permits(&self) -> usize {
        self.0.permits
    }

    /// Does not give them back: there are so many fewer from now on, until somebody [adds](Semaphore::add) some. Switches: no.
    ///
    /// ```
    /// let semaphore = threadle::sync::Semaphore::new(1);
    /// semaphore.acquire(1).forget();
    /// assert_eq!(semaphore.available(), 0);
    /// ```
    pub fn forget(mut self) {
        self.0.permits = 0;
    }

    /// Takes `n` of these permits for themselves; `None`, and nothing changes, if there are fewer. Switches: no.
    ///
    /// ```
    /// let semaphore = threadle::sync::Semaphore::new(3);
    /// let mut three = semaphore.acquire(3);
    /// drop(three.split(2));
    /// assert_eq!((three.permits(), semaphore.available()), (1, 2));
    /// ```
    pub fn split(&mut self, n: usize) -> Option<Self> {
        self.0.permits = self.0.permits.checked_sub(n)?;
        Some(SemaphorePermit(Permit { semaphore: self.0.semaphore, permits: n }))
    }
}

impl OwnedSemaphorePermit {
    /// How many permits these are. Switches: no.
    ///
    /// ```
    /// use std::sync::Arc;
    /// let semaphore = Arc::new(threadle::sync::Semaphore::new(3));
    /// assert_eq!(semaphore.acquire_owned(2).permits(), 2);
    /// ```
    pub fn permits(&self) -> usize {
        self.0.permits
    }

    /// Does not give them back: there are so many fewer from now on, until somebody [adds](Semaphore::add) some. Switches: no.
    ///
    /// ```
    /// use std::sync::Arc;
    /// let semaphore = Arc::new(threadle::sync::Semaphore::new(1));
    /// semaphore.clone().acquire_owned(1).forget();
    /// assert_eq!(semaphore.available(), 0);
    /// ```
    pub fn forget(mut self) {
        self.0.permits = 0;
    }

    /// Takes `n` of these permits for themselves; `None`, and nothing changes, if there are fewer. Switches: no.
    ///
    /// ```
    /// use std::sync::Arc;
    /// let semaphore = Arc::new(threadle::sync::Semaphore::new(3));
    /// let mut three = semaphore.clone().acquire_owned(3);
    /// drop(three.split(2));
    /// assert_eq!((three.permits(), semaphore.available()), (1, 2));
    /// ```
    pub fn split(&mut self, n: usize) -> Option<Self> {
        self.0.permits = self.0.permits.checked_sub(n)?;
        Some(OwnedSemaphorePermit(Permit { semaphore: Arc::clone(&self.0.semaphore), permits: n }))
    }
}

impl fmt::Debug for SemaphorePermit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SemaphorePermit").field("permits", &self.0.permits).finish()
    }
}

impl fmt::Debug for OwnedSemaphorePermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedSemaphorePermit").field("permits", &self.0.permits).finish()
    }
}

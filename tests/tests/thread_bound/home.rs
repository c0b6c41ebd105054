//! A thread-local that knows whose it is, counts without atomics, and notices when it goes while somebody holds it.

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use threadle_tests::system;

/// Of the threads that have ended.
static VISITS: AtomicU64 = AtomicU64::new(0);
static HOMES: AtomicU64 = AtomicU64::new(0);
static ORPHANS: AtomicU64 = AtomicU64::new(0);
/// Counted as they come.
static COUNTED: AtomicU64 = AtomicU64::new(0);

/// What one thread owns.
pub(crate) struct Home {
    thread: i32,
    visits: Cell<u64>,
    borrows: Cell<u64>,
}

impl Home {
    /// Something that only its own thread may do.
    pub(crate) fn visit(&self) {
        assert_eq!(self.thread, system::thread_id(), "another thread's");
        self.visits.set(self.visits.get() + 1);
        COUNTED.fetch_add(1, SeqCst);
    }
}

/// In the thread-local: what ends with the thread.
struct Place(Rc<Home>);

impl Drop for Place {
    fn drop(&mut self) {
        let held = self.0.borrows.get() + Rc::strong_count(&self.0) as u64 - 1;
        ORPHANS.fetch_add(held, SeqCst);
        VISITS.fetch_add(self.0.visits.get(), SeqCst);
        HOMES.fetch_add(1, SeqCst);
    }
}

thread_local! {
    static HOME: Place = Place(Rc::new(Home {
        thread: system::thread_id(),
        visits: Cell::new(0),
        borrows: Cell::new(0),
    }));
}

/// Borrows the thread's home for as long as `f` takes.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&Home) -> R) -> R {
    HOME.with(|place| f(&place.0))
}

/// As [`with`], and the home knows of it.
pub(crate) fn borrow<R>(f: impl FnOnce() -> R) -> R {
    with(|home| {
        home.borrows.set(home.borrows.get() + 1);
        let result = f();
        home.borrows.set(home.borrows.get() - 1);
        result
    })
}

/// A count of the home, out of the thread-local.
#[inline]
pub(crate) fn share() -> Rc<Home> {
    HOME.with(|place| Rc::clone(&place.0))
}

/// Where the home of the thread that runs this lies. Nothing that the optimiser could have kept from before.
#[inline(never)]
pub(crate) fn here() -> *const Home {
    black_box(HOME.with(|place| Rc::as_ptr(&place.0)))
}

/// Of all threads that have ended so far; `counted` also of those that have not.
pub(crate) struct Tally {
    pub(crate) visits: u64,
    pub(crate) homes: u64,
    pub(crate) orphans: u64,
    pub(crate) counted: u64,
}

/// As [`tally`], once every visit is a visit of a thread that has ended; threads nobody joins may take a moment for that.
#[expect(clippy::disallowed_methods, reason = "threads are waited for, by a thread")]
pub(crate) fn settled() -> Tally {
    for _ in 0..1_000 {
        let tally = tally();
        if tally.visits == tally.counted {
            return tally;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    tally()
}

pub(crate) fn tally() -> Tally {
    Tally {
        visits: VISITS.load(SeqCst),
        homes: HOMES.load(SeqCst),
        orphans: ORPHANS.load(SeqCst),
        counted: COUNTED.load(SeqCst),
    }
}

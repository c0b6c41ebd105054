//! Goroutine-local storage: a table of values for each goroutine, and one for each plain thread.
//!
//! A `thread_local!` belongs to a thread, which goroutines share, and which they change in migrating mode. What is here belongs to the
//! *goroutine*: its table hangs on its own variables, goes where it goes, and the address of a value is right on whichever thread the
//! goroutine runs. So, unlike the address of a thread-local, it may be held over a switch.
//!
//! **Whose table.** That of the goroutine whose code runs. A thread that runs none has a table of its own: a plain thread; an M on its own
//! stack, for wakers and the callbacks of timers; and whoever runs the closure of an announced call, be it the goroutine's own thread or a
//! helper. The last is a rule rather than a lack. To the runtime that closure runs on a plain thread, in bound mode often on another one than
//! its goroutine's; values need not be `Send`, so the goroutine's may not be shown there, and they shall not be there or not by chance.
//!
//! **Cost.** Each key has a small number of its own for the whole process, given at its first use, which is an index into every table. An
//! access is the one look at the thread's M, the goroutine's pointer to its table, and an indexed load: no hash, no lock. A goroutine that
//! uses none pays eight bytes. A table is as long as the highest number its goroutine has used.
//!
//! **Values never move.** Each lies in a box of its own: the table may grow while somebody is inside `with`.
//!
//! **Somebody may be inside `with` at the end.** Not on the goroutine's own stack, but on that of a coroutine of the user's which was left
//! there in the middle of it, and which another goroutine goes on with, all by safe code. So a box counts the `with`s it is lent to
//! (`runtime/src/local/key.rs`), and one that is lent when it is to be dropped is leaked. Rejected: to lend the table's values by a
//! reference count each, which would drop a value that is not `Send` wherever the last borrower happens to be.
//!
//! **The end.** When the closure has returned (or panicked) and its result is where it belongs, the values are dropped, on the goroutine's
//! own stack and before its end is published: who has joined it finds them dropped. The last to be made is dropped first. A value that is
//! being dropped, or was, is *gone*; its Drop may use others, also such as come to be through that, which are then dropped in their turn.
//! Drops may wait. A Drop that panics aborts the process, as std's does: there is no one left to whom the panic could be given. A goroutine
//! that is abandoned is never unwound, so its values are leaked with its stack.
//!
//! On a plain thread the same happens when std drops the thread's own locals, in no certain order among those; afterwards all are gone.

mod thread;

use crate::g::G;
use crate::m::current;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Drops a value and frees its memory, unless somebody was shown it who has not done with it.
pub type Destroy = unsafe fn(NonNull<()>);

/// Names one local in every table.
pub struct LocalId(AtomicU32);

/// What the caller's table has at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Local {
    /// Not made yet.
    Absent,
    /// Here.
    Here(NonNull<()>),
    /// It is being dropped, or was.
    Gone,
}

/// The locals of one goroutine or thread.
pub(crate) struct Table {
    places: Vec<Local>,
    /// What is here, in the order in which it came, and how to end it.
    order: Vec<(u32, Destroy)>,
    /// Its thread has dropped everything and makes nothing any more.
    over: bool,
}

impl LocalId {
    /// One that no other is equal to.
    pub const fn new() -> LocalId {
        LocalId(AtomicU32::new(0))
    }

    #[inline]
    fn index(&self) -> usize {
        // Nothing but the number itself hangs on it.
        match self.0.load(Relaxed) {
            0 => self.number(),
            number => number as usize - 1,
        }
    }

    #[cold]
    fn number(&self) -> usize {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let fresh = LAST.fetch_add(1, Relaxed).wrapping_add(1);
        assert_ne!(fresh, 0, "2^32 local! variables");
        // Who loses the race leaves an empty place in every table.
        match self.0.compare_exchange(0, fresh, Relaxed, Relaxed) {
            Ok(_) => fresh as usize - 1,
            Err(other) => other as usize - 1,
        }
    }
}

impl Default for LocalId {
    fn default() -> Self {
        LocalId::new()
    }
}

impl fmt::Debug for LocalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalId({})", self.0.load(Relaxed))
    }
}

/// What the caller, goroutine or thread, has of this local. Does not switch.
///
/// A value that is here stays where it is until its goroutine ends (its thread, if there is no goroutine), or until `put_local` replaces it;
/// then its [`Destroy`] is called, which has to know whether the caller still uses it.
#[inline]
pub fn local(id: &LocalId) -> Local {
    let table = find();
    if table.is_null() {
        return Local::Absent;
    }
    // SAFETY: the caller's own table, which only code on its stack touches; no reference into it outlives a call of this module.
    unsafe { &*table }.get(id.index())
}

/// Gives the caller its value of this local; what was here before is given back. Does not switch.
///
/// # Errors
/// If it is gone.
///
/// # Safety
/// `destroy(value)` may be called once, on the caller's goroutine (or thread), at any time until its end, also while somebody uses the value
/// whom [`local`] has shown it. What is given back is the caller's but for those.
pub unsafe fn put_local(id: &LocalId, value: NonNull<()>, destroy: Destroy) -> Result<Option<NonNull<()>>, Gone> {
    let index = id.index();
    let table = match current::goroutine() {
        // SAFETY: the goroutine is the caller: its variables are its own.
        Some(g) => unsafe {
            let place = &raw mut (*g.frame()).locals;
            if (*place).is_null() {
                *place = Box::into_raw(Box::new(Table::new()));
            }
            *place
        },
        None => thread::table_to_be_ended(),
    };
    // SAFETY: as in `local`.
    unsafe { &mut *table }.put(index, value, destroy)
}

/// The local is being dropped, or was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gone;

/// The caller's table; null: it has none yet.
#[inline]
fn find() -> *mut Table {
    match current::goroutine() {
        // SAFETY: the goroutine is the caller: its variables are its own.
        Some(g) => unsafe { (*g.frame()).locals },
        None => thread::table(),
    }
}

impl Table {
    const fn new() -> Table {
        Table { places: Vec::new(), order: Vec::new(), over: false }
    }

    #[inline]
    fn get(&self, index: usize) -> Local {
        match self.places.get(index) {
            Some(local) => *local,
            None if self.over => Local::Gone,
            None => Local::Absent,
        }
    }

    fn put(&mut self, index: usize, value: NonNull<()>, destroy: Destroy) -> Result<Option<NonNull<()>>, Gone> {
        let before = self.get(index);
        if before == Local::Gone {
            return Err(Gone);
        }
        if index >= self.places.len() {
            self.places.resize(index + 1, Local::Absent);
        }
        self.places[index] = Local::Here(value);
        match before {
            // Made while it was being made: it is in the order already.
            Local::Here(before) => Ok(Some(before)),
            _ => {
                self.order.push((index as u32, destroy));
                Ok(None)
            }
        }
    }

    /// The last that came; from here on it is gone.
    fn take_last(&mut self) -> Option<(NonNull<()>, Destroy)> {
        let (index, destroy) = self.order.pop()?;
        match std::mem::replace(&mut self.places[index as usize], Local::Gone) {
            Local::Here(value) => Some((value, destroy)),
            other => unreachable!("a local in the order is {other:?}"),
        }
    }
}

/// Drops all that is here, and what comes to be here meanwhile.
///
/// # Safety
/// The table is the caller's own.
unsafe fn drop_all(table: *mut Table) {
    loop {
        // SAFETY: as in `local`; the borrow ends before the value's Drop runs, which may come back here.
        let Some((value, destroy)) = (unsafe { &mut *table }).take_last() else { return };
        // SAFETY: it was in the table and is not any more; from here on nobody is shown it. Whoever was, is heeded by `destroy`.
        if catch_unwind(AssertUnwindSafe(|| unsafe { destroy(value) })).is_err() {
            crate::say::say!(
                "threadle: a goroutine-local value panicked in its Drop; the process ends, as it does for std's thread-locals"
            );
            std::process::abort();
        }
    }
}

/// The goroutine's closure has returned, and what is left to run of it is this.
///
/// # Safety
/// Called on the goroutine's own stack, after the last of its user code.
pub(crate) unsafe fn end_of(g: &'static G) {
    // SAFETY: the goroutine is the caller: its variables are its own. Its handle touches other fields at most.
    let place = unsafe { &raw mut (*g.frame()).locals };
    // SAFETY: as above.
    let table = unsafe { *place };
    if !table.is_null() {
        // SAFETY: its own; its user code is over.
        unsafe { drop_all(table) };
        // SAFETY: the memory may serve another goroutine from here on: that one begins without a table. Made by `Box::into_raw`.
        unsafe {
            *place = ptr::null_mut();
            drop(Box::from_raw(table));
        }
    }
}

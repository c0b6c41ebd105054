//! A goroutine's closure and, later, its result, in the goroutine's own memory.
//!
//! Small ones lie in the G itself, so that a spawn on recycled memory allocates nothing; others get a box whose address lies there.
//! The types are erased into a table of four functions, one static table for each pair of closure and result type.

use std::any::Any;
use std::mem::{ManuallyDrop, MaybeUninit, needs_drop};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// What a goroutine gave: its value, or the payload of its panic.
pub(crate) type Outcome<T> = Result<T, Box<dyn Any + Send>>;

/// With it the fields before and behind the room fill whole cache lines (`super::G`). Six words: what most closures capture.
const INLINE: usize = 48;

/// Room for a small closure or result, or for the address of a box.
#[repr(C, align(8))]
pub(crate) struct Room([MaybeUninit<u8>; INLINE]);

impl Room {
    pub(crate) const fn new() -> Room {
        Room([MaybeUninit::uninit(); INLINE])
    }

    fn start(room: *mut Room) -> *mut u8 {
        room.cast()
    }
}

#[repr(C)]
union Cell<F, T> {
    closure: ManuallyDrop<F>,
    result: ManuallyDrop<Outcome<T>>,
}

/// What a closure has left in its place.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Left {
    /// A value without a Drop, in the room itself: the room is as good as empty.
    Plain,
    Value,
    Panic,
}

/// How to treat a room whose types were forgotten. Each function names what it needs.
pub(crate) struct Table {
    /// Runs the closure and leaves the result in its place. The room holds the closure. Never unwinds.
    pub(crate) run: unsafe fn(*mut Room) -> Left,
    /// Drops the closure unrun and leaves the room empty. The room holds the closure. A panic of its Drop comes through.
    pub(crate) drop_closure: unsafe fn(*mut Room),
    /// Drops the result and leaves the room empty. The room holds the result. A panic of its Drop comes through.
    pub(crate) drop_result: unsafe fn(*mut Room),
    /// Where the result lies. The room holds the result.
    result: unsafe fn(*mut Room) -> *mut u8,
    /// Gives back what the room owns beside the value, once that was moved out.
    free: unsafe fn(*mut Room),
}

struct Typed<F, T>(std::marker::PhantomData<(F, T)>);

impl<F: FnOnce() -> T, T> Typed<F, T> {
    const INLINE: bool = size_of::<Cell<F, T>>() <= INLINE && align_of::<Cell<F, T>>() <= align_of::<Room>();

    const TABLE: Table = Table {
        run: Self::run,
        drop_closure: Self::drop_closure,
        drop_result: Self::drop_result,
        result: Self::result,
        free: Self::free,
    };

    fn cell(room: *mut Room) -> *mut Cell<F, T> {
        let start = Room::start(room);
        if Self::INLINE {
            start.cast()
        } else {
            // SAFETY: a room that is not inline holds the address of its box from `store` to `free`; the room is aligned for it.
            unsafe { start.cast::<*mut Cell<F, T>>().read() }
        }
    }

    unsafe fn run(room: *mut Room) -> Left {
        let cell = Self::cell(room);
        // SAFETY: by contract the room holds the closure; it is moved out once, here, and the result takes its place.
        let closure = unsafe { ManuallyDrop::take(&mut (*cell).closure) };
        // Unwind safety: the closure is gone afterwards, and the panic reaches whoever joins, as with std's threads.
        let result = catch_unwind(AssertUnwindSafe(closure));
        let left = match &result {
            Ok(_) if Self::INLINE && !needs_drop::<T>() => Left::Plain,
            Ok(_) => Left::Value,
            Err(_) => Left::Panic,
        };
        // SAFETY: the cell is large enough for either; the closure was moved out, so nothing is overwritten.
        unsafe { ptr::addr_of_mut!((*cell).result).write(ManuallyDrop::new(result)) };
        left
    }

    unsafe fn drop_closure(room: *mut Room) {
        // SAFETY: by contract the room holds the closure; moved out before the box goes, so a panic in its Drop leaks nothing.
        let closure = unsafe { ManuallyDrop::take(&mut (*Self::cell(room)).closure) };
        // SAFETY: the value was moved out.
        unsafe { Self::free(room) };
        drop(closure);
    }

    unsafe fn drop_result(room: *mut Room) {
        // SAFETY: by contract the room holds the result; as above.
        let result = unsafe { ManuallyDrop::take(&mut (*Self::cell(room)).result) };
        // SAFETY: the value was moved out.
        unsafe { Self::free(room) };
        drop(result);
    }

    unsafe fn result(room: *mut Room) -> *mut u8 {
        Self::cell(room).cast()
    }

    unsafe fn free(room: *mut Room) {
        if !Self::INLINE {
            // SAFETY: the cell came from a Box of this type in `store`; unions drop nothing of what they held.
            drop(unsafe { Box::from_raw(Self::cell(room)) });
        }
    }
}

/// Puts a closure into an empty room.
///
/// # Safety
/// The room is valid, belongs to the caller and is empty. `F` and `T` live as long as the room holds them.
pub(crate) unsafe fn store<F: FnOnce() -> T, T>(room: *mut Room, closure: F) -> &'static Table {
    let cell = Cell { closure: ManuallyDrop::new(closure) };
    let start = Room::start(room);
    if Typed::<F, T>::INLINE {
        // SAFETY: large and aligned enough, as the constant says; the room is the caller's.
        unsafe { start.cast::<Cell<F, T>>().write(cell) };
    } else {
        // SAFETY: a room has space for an address and its alignment.
        unsafe { start.cast::<*mut Cell<F, T>>().write(Box::into_raw(Box::new(cell))) };
    }
    const { &Typed::<F, T>::TABLE }
}

/// Takes the result out of a room and leaves it empty.
///
/// # Safety
/// The room belongs to the caller, holds a result, and was filled by `store::<_, T>` which gave this table.
pub(crate) unsafe fn take<T>(room: *mut Room, table: &Table) -> Outcome<T> {
    // SAFETY: by contract; the result is read once, then only the box is freed.
    unsafe {
        let result = (table.result)(room).cast::<Outcome<T>>().read();
        (table.free)(room);
        result
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    struct Counts(Arc<AtomicUsize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    fn round<const N: usize>() {
        let drops = Arc::new(AtomicUsize::new(0));
        let make = || (Counts(drops.clone()), [7u8; N]);
        let mut room = Room::new();

        let (held, bytes) = make();
        // SAFETY: the room is ours and empty; run, then taken once.
        let got = unsafe {
            let table = store(&mut room, move || (held, bytes.len()));
            let _left = (table.run)(&mut room);
            take::<(Counts, usize)>(&mut room, table)
        };
        assert_eq!(got.as_ref().map(|g| g.1).ok(), Some(N));
        assert_eq!(drops.load(Relaxed), 0);
        drop(got);
        assert_eq!(drops.load(Relaxed), 1);

        let (held, bytes) = make();
        // SAFETY: as above; dropped unrun.
        unsafe {
            let table = store(&mut room, move || drop((held, bytes)));
            (table.drop_closure)(&mut room);
        }
        assert_eq!(drops.load(Relaxed), 2);

        let (held, bytes) = make();
        // SAFETY: as above; the result is dropped in place.
        unsafe {
            let table = store(&mut room, move || (held, bytes));
            let _left = (table.run)(&mut room);
            assert_eq!(drops.load(Relaxed), 2);
            (table.drop_result)(&mut room);
        }
        assert_eq!(drops.load(Relaxed), 3);
    }

    #[test]
    fn small_and_large_bodies_drop_once() {
        round::<1>();
        round::<64>();
        round::<1000>();
    }

    #[test]
    fn six_words_need_no_box() {
        const fn inline<F: FnOnce() -> T, T>(_: &F) -> bool {
            Typed::<F, T>::INLINE
        }
        let (six, seven) = ([0_usize; 6], [0_usize; 7]);
        assert!(inline(&move || six.len()) && !inline(&move || seven.len()));
    }

    #[test]
    fn only_what_owns_nothing_may_be_left_as_it_is() {
        fn left<T>(f: impl FnOnce() -> T) -> Left {
            let mut room = Room::new();
            // SAFETY: the room is ours and empty; run, then taken once.
            unsafe {
                let table = store(&mut room, f);
                let left = (table.run)(&mut room);
                let _outcome = take::<T>(&mut room, table);
                left
            }
        }
        let seven = [0_usize; 7];
        assert_eq!(left(|| 1), Left::Plain);
        assert_eq!(left(|| Box::new(1)), Left::Value);
        assert_eq!(left(move || seven.len()), Left::Value, "it has a box");
    }

    #[test]
    fn a_panic_is_a_result() {
        let mut room = Room::new();
        // SAFETY: the room is ours and empty; run, then taken once.
        let got = unsafe {
            let table = store(&mut room, || -> u8 { std::panic::resume_unwind(Box::new("lost")) });
            assert_eq!((table.run)(&mut room), Left::Panic);
            take::<u8>(&mut room, table)
        };
        assert_eq!(*got.unwrap_err().downcast::<&str>().unwrap(), "lost");
    }
}
/// Runs a user's Drop where nobody could take its panic. False: it panicked. So may what it panicked with, when that is dropped; what comes
/// of this is leaked.
pub(crate) fn contained(drops: impl FnOnce()) -> bool {
    let Err(panic) = catch_unwind(AssertUnwindSafe(drops)) else { return true };
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    false
}

//! The table of a thread that runs no goroutine.
//!
//! A goroutine never comes here; what does stays on its thread while it holds the pointer. As in `m/current.rs` the variables are read by
//! functions that are never inlined, and give out values the optimiser cannot see through.

use super::Table;
use std::cell::{Cell, UnsafeCell};
use std::hint::black_box;
use std::mem::ManuallyDrop;

/// Ends the table when std drops the thread's locals.
struct End(Cell<()>);

impl Drop for End {
    fn drop(&mut self) {
        let table = table();
        // SAFETY: the thread's own table.
        unsafe { super::drop_all(table) };
        // SAFETY: as above, and nothing is borrowed between calls. The static is never dropped, so what it owns is, here.
        unsafe { *table = Table { over: true, ..Table::new() } };
    }
}

thread_local! {
    /// Without a Drop, so that it can be looked at until the thread's very end.
    static TABLE: UnsafeCell<ManuallyDrop<Table>> = const { UnsafeCell::new(ManuallyDrop::new(Table::new())) };
    static END: End = const { End(Cell::new(())) };
}

/// The calling thread's table.
#[inline(never)]
pub(super) fn table() -> *mut Table {
    black_box(TABLE.with(|table| table.get().cast::<Table>()))
}

/// As `table`, for one that is about to have something to drop.
#[inline(never)]
pub(super) fn table_to_be_ended() -> *mut Table {
    // Where the thread is past that already, the table is over, or is being ended.
    let _ended = END.try_with(|end| end.0.set(()));
    table()
}

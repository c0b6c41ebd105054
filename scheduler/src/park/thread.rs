//! How a plain thread waits: a cell of fixed type, lent to the thread while it lives, taken over by another after it.

use super::ticket::Waiter;
use crate::m::note::Note;
use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

#[repr(C)]
pub(crate) struct ThreadCell {
    /// First: a ticket's pointer to a waiter can be one to its cell.
    pub(super) waiter: Waiter,
    pub(super) note: Note,
}

static FREE: Mutex<Vec<&'static ThreadCell>> = Mutex::new(Vec::new());

/// The thread's cell, given back when the thread ends.
struct Lent(Cell<Option<&'static ThreadCell>>);

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(cell) = self.0.take() {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).push(cell);
        }
    }
}

thread_local! {
    static CELL: Lent = const { Lent(Cell::new(None)) };
}

impl ThreadCell {
    /// The calling thread's cell. A goroutine may use it only for waits in place, which never leave the thread.
    #[inline(never)]
    pub(super) fn current() -> &'static ThreadCell {
        let lent = CELL.try_with(|lent| match lent.0.get() {
            Some(cell) => cell,
            None => {
                let cell = Self::take();
                lent.0.set(Some(cell));
                cell
            }
        });
        // A thread whose locals are gone already still may wait, in another thread-local's Drop; its cell is then lost with it.
        std::hint::black_box(lent.unwrap_or_else(|_| Self::take()))
    }

    fn take() -> &'static ThreadCell {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| Box::leak(Box::new(ThreadCell { waiter: Waiter::thread(), note: Note::new() })))
    }
}

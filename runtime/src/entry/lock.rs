//! Goroutines that keep their thread to themselves, for a while.

use std::io;

/// Ties the calling goroutine to the thread it runs on until [`unlock_os_thread`] was called as often as this. Never switches.
///
/// Meanwhile the thread runs nothing else, and the goroutine runs nowhere else, in both modes: for libraries whose handles belong to a
/// thread (OpenGL, X11, many interpreters), and for what the kernel keeps per thread (namespaces, file system user, affinity, priority,
/// locale). Other goroutines go on on other threads; [`blocking`](crate::blocking) runs in place. Each wait costs a sleep and a wake-up of
/// the thread, some microseconds instead of some nanoseconds.
///
/// If the goroutine ends, or panics, without having unlocked, its thread ends with it: nobody else shall run on a thread in an unknown
/// state. Unlock where everything was put back as it was; a thread whose namespace, say, was left cannot be, so there do not. No thread of
/// the runtime is ever made from a locked one, so none inherits what was changed there; a thread made with `std::thread` does, and so do those
/// of another runtime that is started there.
///
/// A goroutine that needs a thread of its own from the beginning is better spawned with [`GoBuilder::locked`](crate::GoBuilder::locked):
/// in bound mode a thread that is already home to others cannot be locked. On a plain thread, outside any goroutine, both calls do nothing.
///
/// As Go's `runtime.LockOSThread`, but for the error.
///
/// # Errors
/// * `ResourceBusy`: bound mode, and other started goroutines can run on this thread only.
/// * `Unsupported`: inside [`blocking`](crate::blocking), or in a waker: the thread is not the goroutine's there.
/// * `QuotaExceeded`: locked 2^32 - 2 times.
///
/// Nothing was locked then. The text says which call it was, of which goroutine, and what to do.
///
/// ```
/// use std::thread;
/// use threadle::{go, lock_os_thread, unlock_os_thread};
///
/// threadle::run(|| {
///     lock_os_thread()?;
///     let mine = thread::current().id();
///     let other = go(|| thread::current().id()).join().unwrap();
///     assert_ne!(other, mine); // the thread runs nobody but main
///     assert_eq!(thread::current().id(), mine);
///     unlock_os_thread();
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn lock_os_thread() -> io::Result<()> {
    threadle_scheduler::lock_os_thread()
}

/// Takes one [`lock_os_thread`] back; after the last the thread serves everybody again. Never switches.
///
/// Without a lock it does nothing; nor does a goroutine that was spawned with [`GoBuilder::locked`](crate::GoBuilder::locked) ever lose its
/// thread.
///
/// ```
/// threadle::run(|| {
///     threadle::lock_os_thread()?;
///     threadle::lock_os_thread()?;
///     threadle::unlock_os_thread(); // still locked
///     threadle::unlock_os_thread(); // no longer
///     threadle::unlock_os_thread(); // nothing to take back
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn unlock_os_thread() {
    threadle_scheduler::unlock_os_thread();
}

//! A timer that one thread sleeps by and every thread may set: a timerfd that is read.
//!
//! A futex's time-out is its sleeper's own. Who wants another thread to sleep longer, or less long, must wake it, for a change of thread;
//! to set this costs a system call. Settings replace each other, in the order in which the kernel takes them, and one that has run out
//! and that nobody has slept by yet is forgotten with the next: so who lets a far setting replace another's near one must look whether that
//! was right (`doze`).

/// Nanoseconds from now: for good, for every purpose.
pub(super) const NEVER: u64 = u64::MAX;

#[cfg(not(loom))]
mod timer {
    use super::NEVER;
    use std::fs::File;
    use std::io::{self, Read};
    use std::os::fd::{AsRawFd, FromRawFd};
    use std::ptr;

    /// See the module.
    #[derive(Debug)]
    pub(in crate::monitor) struct Alarm(File);

    impl Alarm {
        /// # Errors
        ///
        /// Those of `timerfd_create`: too many open files, or no memory.
        pub(in crate::monitor) fn new() -> io::Result<Alarm> {
            // SAFETY: timerfd_create takes no pointers.
            let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC) };
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: the kernel just made this descriptor for us: it is open, and nobody else owns it.
            Ok(Alarm(unsafe { File::from_raw_fd(fd) }))
        }

        /// Lets it run out so many nanoseconds from now, at once if there are none, or not at all.
        pub(in crate::monitor) fn set(&self, ahead: u64) {
            // Zero would be `NEVER`.
            let ahead = if ahead == NEVER { 0 } else { ahead.max(1) };
            let setting = libc::itimerspec {
                it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
                it_value: libc::timespec {
                    tv_sec: (ahead / 1_000_000_000) as libc::time_t,
                    tv_nsec: (ahead % 1_000_000_000) as libc::c_long,
                },
            };
            // SAFETY: the descriptor is a timer and open as long as `self` lives; `setting` outlives the call, which does not keep it; a
            // null pointer for the former setting means that it is not wanted.
            if unsafe { libc::timerfd_settime(self.0.as_raw_fd(), 0, &raw const setting, ptr::null_mut()) } < 0 {
                broken(&io::Error::last_os_error());
            }
        }

        /// Sleeps until it has run out. May also return for no reason.
        pub(in crate::monitor) fn sleep(&self) {
            let mut expirations = [0; 8];
            match (&self.0).read(&mut expirations) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => broken(&error),
            }
        }
    }

    /// Somebody has closed a descriptor of ours: nobody would look after those who compute any more.
    #[cold]
    fn broken(error: &io::Error) -> ! {
        crate::say::say!("threadle: the monitor's timer failed: {error}; the runtime cannot go on");
        std::process::abort();
    }
}

/// Its stand-in under loom. There is no time in a model: what is set to less than `AT_REST_NS` runs out, anything else does not.
#[cfg(loom)]
mod timer {
    use crate::monitor::doze::AT_REST_NS;
    use crate::sync::{Mutex, lock, thread};

    /// Who has been passed over so often, while all others got on, sleeps for good.
    const PATIENCE: usize = 100;

    #[derive(Debug)]
    pub(in crate::monitor) struct Alarm {
        runs_out: Mutex<bool>,
    }

    impl Alarm {
        pub(in crate::monitor) fn new() -> std::io::Result<Alarm> {
            Ok(Alarm { runs_out: Mutex::new(false) })
        }

        pub(in crate::monitor) fn set(&self, ahead: u64) {
            *lock(&self.runs_out) = ahead < AT_REST_NS;
        }

        pub(in crate::monitor) fn sleep(&self) {
            // Not loom's own blocking: it reports a deadlock by aborting the process, and no test could expect that.
            let slept = (0..PATIENCE).take_while(|_| !*lock(&self.runs_out)).inspect(|_| thread::yield_now()).count();
            assert!(slept < PATIENCE, "sleeps for good");
            *lock(&self.runs_out) = false;
        }
    }
}

pub(super) use timer::Alarm;

#[cfg(all(test, not(loom)))]
#[expect(clippy::disallowed_methods, reason = "plain threads that sleep")]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    #[test]
    fn one_that_is_put_off_does_not_end_the_sleep() {
        let alarm = Alarm::new().unwrap();
        let begun = Instant::now();
        alarm.set(1);
        // Run out by now, and replaced before anybody slept by it.
        std::thread::sleep(Duration::from_millis(1));
        alarm.set(20_000_000);
        alarm.sleep();
        assert!(begun.elapsed() >= Duration::from_millis(20));
    }

    #[test]
    fn whoever_sets_it_ends_the_sleep_of_another() {
        let alarm = Arc::new(Alarm::new().unwrap());
        alarm.set(NEVER);
        let sleeper = alarm.clone();
        let thread = std::thread::spawn(move || (0..1000).for_each(|_| sleeper.sleep()));
        while !thread.is_finished() {
            alarm.set(0);
            std::thread::yield_now();
        }
        thread.join().unwrap();
    }
}

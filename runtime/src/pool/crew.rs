//! The workers' ends, of which the pool learns whatever they come from: "When there is nobody left to run it" in the module is about this file.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::AcqRel, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::{future::Future, panic::Location, pin::Pin};

use super::worker::Shared;
use crate::waiters::lock;
use crate::{JoinError, JoinHandle};

/// The workers that have not ended.
pub(super) struct Crew {
    shared: Arc<Shared>,
    left: AtomicUsize,
    /// All that have ended did so because there was nothing more to come.
    dismissed: AtomicBool,
    made_at: &'static Location<'static>,
}

/// Who waits for the end of one worker: no goroutine does, for it may come when there is none left.
struct Watch {
    crew: Arc<Crew>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl Crew {
    #[track_caller]
    pub(super) fn new(shared: Arc<Shared>) -> Arc<Crew> {
        let left = AtomicUsize::new(shared.workers());
        Arc::new(Crew { shared, left, dismissed: AtomicBool::new(true), made_at: Location::caller() })
    }

    /// Has an eye on `worker`, who has been started and is counted.
    pub(super) fn watch(self: &Arc<Self>, worker: JoinHandle<()>) {
        Arc::new(Watch { crew: Arc::clone(self), worker: Mutex::new(Some(worker)) }).look();
    }

    fn ended(&self, how: Result<(), JoinError>) {
        if let Err(error) = &how {
            self.dismissed.store(false, Relaxed);
            if error.is_no_stack() {
                // A stderr that is closed leaves nobody to tell.
                let _nobody_listens =
                    writeln!(std::io::stderr(), "threadle: a worker of the pool made at {}: {error}", self.made_at);
            }
        }
        // The last one comes after what the others stored.
        if self.left.fetch_sub(1, AcqRel) == 1 {
            self.shared.all_have_ended(self.dismissed.load(Relaxed));
        }
    }
}

impl Watch {
    /// Asks for the worker's end, and to be woken by it if it is still to come.
    fn look(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let ended = {
            let mut worker = lock(&self.worker);
            let Some(handle) = &mut *worker else { return };
            let Poll::Ready(how) = Pin::new(handle).poll(&mut Context::from_waker(&waker)) else { return };
            *worker = None;
            how
        };
        self.crew.ended(ended);
    }
}

impl Wake for Watch {
    fn wake(self: Arc<Self>) {
        self.look();
    }
}

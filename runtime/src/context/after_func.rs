//! Functions that are called when a context ends.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use threadle_scheduler::{Expire, Host, SpawnOptions, TimerHandle};

use super::node::{Member, Node};
use crate::waiters::lock;

/// A function that is to run, once, on a goroutine of the runtime it was given in.
pub(super) struct Function {
    host: Host,
    options: SpawnOptions,
    state: Mutex<State>,
}

struct State {
    f: Option<Box<dyn FnOnce() + Send>>,
    /// Ends the node at its deadline, though nobody else may look.
    timer: Option<TimerHandle>,
}

impl Function {
    /// The node has ended.
    pub(super) fn call(&self) {
        let (f, timer) = {
            let mut state = lock(&self.state);
            (state.f.take(), state.timer.take())
        };
        if let Some(timer) = timer {
            timer.cancel();
        }
        if let Some(f) = f {
            // Nobody joins it: a panic is reported.
            drop(self.host.spawn(&self.options, f));
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // Nobody can end the context any more.
        if let Some(timer) = lock(&self.state).timer.take() {
            timer.cancel();
        }
    }
}

/// The timer of a function; on a goroutine, as the end may have many to tell.
struct Deadline {
    node: Weak<Node>,
    host: Host,
    options: SpawnOptions,
}

impl Expire for Deadline {
    fn expire(self: Arc<Self>, _now: Instant) {
        if let Some(node) = self.node.upgrade() {
            drop(self.host.spawn(&self.options, move || {
                node.end();
            }));
        }
    }
}

/// The registration made by [`Context::after_func`](super::Context::after_func). Dropping it changes nothing.
///
/// ```
/// use threadle::{chan, context::Context};
/// threadle::run(|| {
///     let (context, cancel) = Context::background().with_cancel();
///     let (sender, called) = chan::bounded(1);
///     drop(context.after_func(move || sender.send(()).unwrap()));
///     cancel.cancel();
///     assert!(called.recv().is_ok());
/// });
/// ```
pub struct AfterFunc {
    node: Option<Arc<Node>>,
    /// `GONE`: it was stopped.
    place: AtomicUsize,
    function: Arc<Function>,
}

const GONE: usize = usize::MAX;

impl AfterFunc {
    #[track_caller]
    pub(super) fn new(node: Option<Arc<Node>>, f: impl FnOnce() + Send + 'static) -> AfterFunc {
        let (host, options) = (Host::current("a function that a context calls"), SpawnOptions::new());
        let state = Mutex::new(State { f: Some(Box::new(f)), timer: None });
        let function = Arc::new(Function { host, options: options.clone(), state });
        let mut place = GONE;
        if let Some(node) = &node {
            match node.enter(Member::Function(Arc::clone(&function))) {
                Ok(entered) => {
                    place = entered;
                    if let Some(at) = node.deadline() {
                        let mut state = lock(&function.state);
                        // Called already: the end has come between, and there is nothing to wait for.
                        if state.f.is_some() {
                            let deadline = Deadline { node: Arc::downgrade(node), host, options };
                            let at = threadle_scheduler::clock::to_ns(at);
                            state.timer = Some(host.arm_timer(at, Arc::new(deadline)));
                        }
                    }
                }
                Err(_ended) => function.call(),
            }
        }
        AfterFunc { node, place: AtomicUsize::new(place), function }
    }

    /// Takes the function back. True: it has not been called and will not. False: its call has begun (and may go on), or it was stopped
    /// before.
    ///
    /// Switches: no.
    ///
    /// ```
    /// use threadle::context::Context;
    /// threadle::run(|| {
    ///     let (context, cancel) = Context::background().with_cancel();
    ///     let call = context.after_func(|| unreachable!("it was stopped"));
    ///     assert!(call.stop());
    ///     assert!(!call.stop());
    ///     cancel.cancel();
    /// });
    /// ```
    pub fn stop(&self) -> bool {
        let (Some(node), place) = (&self.node, self.place.swap(GONE, Ordering::AcqRel)) else {
            // A context that never ends: it is stopped by forgetting the function.
            return self.forget();
        };
        place != GONE && node.leave(place).is_some() && self.forget()
    }

    fn forget(&self) -> bool {
        let (f, timer) = {
            let mut state = lock(&self.function.state);
            (state.f.take(), state.timer.take())
        };
        if let Some(timer) = timer {
            timer.cancel();
        }
        f.is_some()
    }
}

impl fmt::Debug for AfterFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AfterFunc").field("set_at", &self.function.options.spawned_at).finish_non_exhaustive()
    }
}

//! Looking in from outside: the dump, the metrics, the scheduling trace, and what the overflow message says of a goroutine.

mod dump;
mod metrics;
mod trace;

pub(crate) use dump::write_dump;
pub use dump::{dump, dump_those, live_goroutines};
pub(crate) use metrics::record_end;
pub use metrics::{Metrics, metrics};
pub(crate) use trace::trace;

use crate::g::G;
use crate::stack::overflow::{Describe, SignalWriter};

/// What the overflow handler is told of a stack's owner. Async-signal-safe: reads atomics, tries a lock, allocates nothing.
pub(crate) static DESCRIBE: Describe = Describe { who, spawned_at };

fn goroutine(owner: *const ()) -> &'static G {
    // SAFETY: the only owner ever set is a `&'static G` (`M::start`).
    unsafe { &*owner.cast::<G>() }
}

fn who(owner: *const (), out: &mut SignalWriter) {
    let g = goroutine(owner);
    out.decimal(g.id());
    g.with_name_in_a_signal_handler(|name| {
        out.str(" \"");
        out.str(name);
        out.str("\"");
    });
}

fn spawned_at(owner: *const (), out: &mut SignalWriter) {
    match goroutine(owner).spawned_at() {
        Some(at) => {
            out.str(at.file());
            out.str(":");
            out.decimal(u64::from(at.line()));
        }
        None => out.str("an unknown place"),
    }
}

/// For messages: which goroutine, and where it was spawned.
pub(crate) fn name_of(g: Option<&'static G>) -> String {
    let Some(g) = g else { return "a goroutine".into() };
    let name = g.name().map_or_else(String::new, |name| format!(" {name:?}"));
    let at = g.spawned_at().map_or_else(String::new, |at| format!(", spawned at {at},"));
    format!("goroutine {}{name}{at}", g.id())
}

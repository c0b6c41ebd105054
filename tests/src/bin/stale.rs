//! Whether a thread-local is the right one after its goroutine has moved: the table of docs/soundness.md.
//!
//! ```text
//! cargo run --release -p threadle-tests --bin stale
//! cargo run           -p threadle-tests --bin stale     unoptimised: none is stale
//! ```

use threadle_tests::scenario::stale_thread_locals;
use threadle_tests::{Mode, Watchdog};

fn main() {
    const MOVES: usize = 1_000;
    let _watchdog = Watchdog::new(120);
    println!("{:<10} {:<36} {:>8} {:>8}", "mode", "thread-local", "moved", "stale");
    for mode in Mode::BOTH {
        for access in stale_thread_locals(mode, MOVES) {
            println!("{:<10} {:<36} {:>8} {:>8}", mode.name(), access.name, access.moved, access.stale);
        }
    }
}

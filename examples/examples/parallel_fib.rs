//! Fibonacci's numbers the slow way, with a goroutine for each call: 57 313 of them for the 22nd. Nobody would compute so; it shows what a
//! goroutine costs.
//!
//! ```text
//! $ cargo run --release -p threadle-examples --example parallel_fib
//! fib(22) = 17711
//! ```

use threadle::{JoinError, go};

fn fib(n: u32) -> Result<u64, JoinError> {
    if n < 2 {
        return Ok(u64::from(n));
    }
    let one = go(move || fib(n - 1));
    let two = go(move || fib(n - 2));
    Ok(one.join()?? + two.join()??)
}

fn main() -> Result<(), JoinError> {
    let number = threadle::run(|| fib(22))?;
    println!("fib(22) = {number}");
    Ok(())
}

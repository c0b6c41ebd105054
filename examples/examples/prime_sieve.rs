//! The sieve of Eratosthenes as a chain of goroutines, one for each prime, each keeping the multiples of its own from those behind it.
//! After Doug McIlroy, and the first program that Go's authors liked to show.
//!
//! ```text
//! $ cargo run -p threadle-examples --example prime_sieve
//! the 100th prime is 541
//! ```

use threadle::chan::{self, Receiver};
use threadle::go;

/// The numbers from 2 on.
fn numbers() -> Receiver<u32> {
    let (send, receive) = chan::bounded(0);
    // Ends when nobody receives any more, and so does each filter behind it.
    go(move || (2..).try_for_each(|number| send.send(number)));
    receive
}

/// Those that are no multiples of `prime`.
fn filter(numbers: Receiver<u32>, prime: u32) -> Receiver<u32> {
    let (send, receive) = chan::bounded(0);
    go(move || numbers.into_iter().filter(|number| number % prime != 0).try_for_each(|number| send.send(number)));
    receive
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    threadle::run(|| {
        let mut left = numbers();
        let mut prime = left.recv()?;
        for _ in 1..100 {
            left = filter(left, prime);
            prime = left.recv()?;
        }
        println!("the 100th prime is {prime}");
        Ok(())
    })
}

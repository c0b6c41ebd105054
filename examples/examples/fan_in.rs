//! Many producers, one consumer: `select!` takes from whichever channel has something, and each drops out when it is closed.
//!
//! ```text
//! $ cargo run -p threadle-examples --example fan_in
//! 100 letters, 200 digits
//! ```

use threadle::chan::{self, Receiver};
use threadle::{go, select};

fn produce<T: Copy + Send + 'static>(value: T, times: usize) -> Receiver<T> {
    let (send, receive) = chan::bounded(0);
    go(move || (0..times).try_for_each(|_| send.send(value)));
    receive
}

fn main() {
    threadle::run(|| {
        let mut letters = produce('a', 100);
        let mut digits = produce(7_u8, 200);
        let (mut seen_letters, mut seen_digits) = (0, 0);
        let mut open = 2;
        while open > 0 {
            select! {
                recv(letters) -> letter => match letter {
                    Ok(_) => seen_letters += 1,
                    // A channel that never has anything takes the place of one that has ended.
                    Err(_) => (open, letters) = (open - 1, chan::never()),
                },
                recv(digits) -> digit => match digit {
                    Ok(_) => seen_digits += 1,
                    Err(_) => (open, digits) = (open - 1, chan::never()),
                },
            }
        }
        println!("{seen_letters} letters, {seen_digits} digits");
    });
}

//! Two goroutines hand a number to and fro over two rendezvous channels, each adding one.
//!
//! ```text
//! $ cargo run --release -p threadle-examples --example ping_pong
//! 200000 after 100000 rounds
//! ```

use threadle::chan;

const ROUNDS: u64 = 100_000;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    threadle::run(|| {
        let (ping, pinged) = chan::bounded::<u64>(0);
        let (pong, ponged) = chan::bounded::<u64>(0);
        let partner = threadle::go(move || {
            for number in pinged {
                if pong.send(number + 1).is_err() {
                    return;
                }
            }
        });
        let mut number = 0;
        for _ in 0..ROUNDS {
            ping.send(number)?;
            number = ponged.recv()? + 1;
        }
        // Without a sender the partner's loop ends.
        drop(ping);
        partner.join()?;
        println!("{number} after {ROUNDS} rounds");
        Ok(())
    })
}

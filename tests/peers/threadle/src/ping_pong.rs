use std::io;

use peer_measure::{Request, figure, nanoseconds_each};
use threadle_tests::scenario::ping_pong_here;

pub(crate) fn run(request: &Request) -> io::Result<()> {
    let rounds: u64 = request.number("rounds");
    figure("ns", nanoseconds_each(ping_pong_here(rounds as usize), rounds));
    Ok(())
}

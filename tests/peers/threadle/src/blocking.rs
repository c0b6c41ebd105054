use std::io;
use std::time::Duration;

use peer_measure::{Request, figure, milliseconds};
use threadle_tests::scenario::block_here;

pub(crate) fn run(request: &Request) -> io::Result<()> {
    let call = Duration::from_millis(request.number("call_ms"));
    let elapsed = block_here(request.number("goroutines"), request.number("calls"), call, true);
    figure("ms", milliseconds(elapsed));
    Ok(())
}

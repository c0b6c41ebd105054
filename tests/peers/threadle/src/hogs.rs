use std::io;

use peer_measure::{Request, figure, milliseconds};
use threadle_tests::scenario::sleep_among_hogs_here;

pub(crate) fn run(request: &Request) -> io::Result<()> {
    let lateness = sleep_among_hogs_here(request.number("hogs"), request.number("sleeps"));
    figure("lateness_ms", milliseconds(lateness.mean()));
    Ok(())
}

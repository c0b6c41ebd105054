use std::io;

use peer_measure::{Request, figure};
use threadle_tests::scenario::park_many_here;

pub(crate) fn run(request: &Request) -> io::Result<()> {
    let footprint = park_many_here(request.number("goroutines"));
    if let Some(complaint) = footprint.complaint {
        return Err(io::Error::other(format!("{} of them: {complaint}", footprint.stackless)));
    }
    figure("bytes", footprint.kib_each * 1024.0);
    figure("start_s", footprint.start.as_secs_f64());
    figure("wake_s", footprint.wake.as_secs_f64());
    Ok(())
}

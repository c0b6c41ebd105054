use std::io;

use peer_measure::{Request, figure, milliseconds};
use threadle_tests::scenario::skynet_here;

pub(crate) fn run(request: &Request) -> io::Result<()> {
    figure("ms", milliseconds(skynet_here(request.number("leaves"))));
    Ok(())
}

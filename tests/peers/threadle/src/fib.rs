use std::io;

use peer_measure::{Request, figure, milliseconds};
use threadle_tests::scenario::fib_here;

pub(crate) fn run(request: &Request) -> io::Result<()> {
    figure("ms", milliseconds(fib_here(request.number("n"))));
    Ok(())
}

use std::fs::File;
use std::io::{self, Read};

use peer_measure::{Request, Span, figure, nanoseconds_each};
use threadle::fs;

pub(crate) fn run(request: &Request) -> io::Result<()> {
    let operations: u64 = request.number("operations");
    let mut buffer = [0];
    let mut zero = fs::File::open("/dev/zero")?;
    let span = Span::begin();
    for _ in 0..operations {
        zero.read_exact(&mut buffer)?;
    }
    let announced = span.elapsed();
    // What nobody announces to the scheduler.
    let mut zero: File = zero.into_std();
    let span = Span::begin();
    for _ in 0..operations {
        zero.read_exact(&mut buffer)?;
    }
    let bare = span.elapsed();
    figure("ns", nanoseconds_each(announced, operations));
    figure("added_ns", nanoseconds_each(announced, operations) - nanoseconds_each(bare, operations));
    Ok(())
}

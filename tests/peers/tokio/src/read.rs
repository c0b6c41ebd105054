use std::fs::File;
use std::io::{self, Read};

use peer_measure::{Request, Span, figure, nanoseconds_each};
use tokio::task::block_in_place;

pub async fn run(request: Request) -> io::Result<()> {
    let operations: u64 = request.number("operations");
    let mut buffer = [0];
    let mut zero = File::open("/dev/zero")?;
    let span = Span::begin();
    for _ in 0..operations {
        block_in_place(|| zero.read_exact(&mut buffer))?;
    }
    let announced = span.elapsed();
    let span = Span::begin();
    for _ in 0..operations {
        // What nobody announces to the scheduler.
        zero.read_exact(&mut buffer)?;
    }
    let bare = span.elapsed();
    figure("ns", nanoseconds_each(announced, operations));
    figure("added_ns", nanoseconds_each(announced, operations) - nanoseconds_each(bare, operations));
    Ok(())
}

use std::io;

use may::go;
use peer_measure::{Request, Span, figure, milliseconds};

pub fn run(request: &Request) -> io::Result<()> {
    let n = request.number("n");
    let span = Span::begin();
    let number = forked_fib(n);
    figure("ms", milliseconds(span.elapsed()));
    let (_, expected) = (0..n).fold((1, 0), |(before, last), _| (last, before + last));
    assert_eq!(number, expected);
    Ok(())
}

fn forked_fib(n: u32) -> u64 {
    if n < 2 {
        return u64::from(n);
    }
    let left = go!(move || forked_fib(n - 2));
    let right = forked_fib(n - 1);
    left.join().expect("it only adds") + right
}

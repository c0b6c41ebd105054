//! The process's standard streams: whole lines, and nobody stalled but who waits.

use std::io::{BufRead, PipeReader, PipeWriter, Write, pipe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use threadle::{Builder, chan, go, io, yield_now};
use threadle_tests::child;

/// A goroutine waits for input that does not come; the others, on the same processor, do not.
#[test]
fn a_read_of_stdin_stalls_nobody() {
    let kept: std::sync::Mutex<Vec<PipeWriter>> = std::sync::Mutex::default();
    child::in_children(
        "a_read_of_stdin_stalls_nobody",
        |command| {
            let (reader, mut writer) = pipe().expect("two descriptors are free");
            writer.write_all(b"first\nsecond\nthe rest").expect("there is room");
            command.stdin(reader);
            // Until the parent ends: the child meets no end.
            kept.lock().expect("nobody panics").push(writer);
        },
        |mode| {
            mode.run(Builder::new().procs(1), || {
                let mut line = String::new();
                assert_eq!(io::stdin().read_line(&mut line).expect("it is there"), 6);
                assert_eq!(io::stdin().lines().next().expect("there are more").expect("it is there"), "second");
                assert_eq!(line, "first\n");
                let (waits, waiting) = chan::bounded(1);
                let ended = Arc::new(AtomicBool::new(false));
                for _ in 0..3 {
                    let (waits, ended) = (waits.clone(), Arc::clone(&ended));
                    // One of them reads, two wait for that one.
                    drop(go(move || {
                        waits.send(()).expect("main looks");
                        // The rest is there, its line's end is not.
                        io::stdin().lock().read_until(b'\n', &mut Vec::new()).expect("it is open");
                        ended.store(true, SeqCst);
                    }));
                }
                for _ in 0..3 {
                    waiting.recv().expect("each begins");
                }
                for number in 0..1000 {
                    assert_eq!(go(move || number).join().expect("it only returns"), number);
                    yield_now();
                }
                assert!(!ended.load(SeqCst));
            });
        },
        |_, end| {
            end.succeeded();
        },
    );
}

/// Likewise for output that nobody takes.
#[test]
fn a_write_to_stderr_stalls_nobody() {
    let kept: std::sync::Mutex<Vec<PipeReader>> = std::sync::Mutex::default();
    child::in_children(
        "a_write_to_stderr_stalls_nobody",
        |command| {
            let (reader, writer) = pipe().expect("two descriptors are free");
            command.stderr(writer);
            kept.lock().expect("nobody panics").push(reader);
        },
        |mode| {
            mode.run(Builder::new().procs(1), || {
                let (writes, writing) = chan::bounded(1);
                for _ in 0..3 {
                    let writes = writes.clone();
                    drop(go(move || {
                        writes.send(()).expect("main looks");
                        io::stderr().write_all(&[b'x'; 1 << 20]).expect("the pipe is open");
                        unreachable!("nobody reads it");
                    }));
                }
                for _ in 0..3 {
                    writing.recv().expect("each begins");
                }
                for number in 0..1000 {
                    assert_eq!(go(move || number).join().expect("it only returns"), number);
                    yield_now();
                }
                println!("others 1000");
            });
        },
        |_, end| assert_eq!(end.succeeded().number("others"), 1000.0),
    );
}

/// `writeln!` writes whole lines, whoever else writes, std's own `println!` included; a locked stream keeps several together.
#[test]
fn lines_are_whole() {
    const WRITERS: usize = 20;
    const LINES: usize = 50;
    child::in_children(
        "lines_are_whole",
        |_| {},
        |mode| {
            mode.run(Builder::new().procs(2), || {
                let writer = |writer: usize| {
                    go(move || {
                        for line in 0..LINES {
                            match line % 3 {
                                0 => writeln!(io::stdout(), "<{writer} {line} {:?}>", vec![line; 20])
                                    .expect("it is read"),
                                1 => println!("<{writer} {line} by std>"),
                                _ => {
                                    let mut stdout = io::stdout().lock();
                                    writeln!(stdout, "<{writer} {line} opens").expect("it is read");
                                    yield_now();
                                    stdout.write_all(b"and closes>\n").expect("it is read");
                                }
                            }
                        }
                    })
                };
                let writers: Vec<_> = (0..WRITERS).map(writer).collect();
                writers.into_iter().for_each(|writer| writer.join().expect("it only writes"));
                write!(io::stdout(), "a last line without its end").expect("it is read");
            });
        },
        |mode, end| {
            let lines: Vec<&str> = end.succeeded().stdout.lines().collect();
            let whole = lines.iter().filter(|line| line.starts_with('<') && line.ends_with('>')).count();
            let opened = lines.iter().filter(|line| line.ends_with(" opens")).count();
            let closed = lines.iter().filter(|line| **line == "and closes>").count();
            assert_eq!((whole + opened, opened), (WRITERS * LINES, closed), "{mode}");
            assert_eq!(lines.last(), Some(&"a last line without its end"), "{mode}");
        },
    );
}

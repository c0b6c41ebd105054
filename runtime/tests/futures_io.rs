//! futures-io's traits on our streams: never blocking, woken by goroutines and threads, several on one goroutine.
#![cfg(feature = "futures-io")]

mod support;

use std::io::{Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_io::{AsyncRead, AsyncWrite};
use futures_util::future::join_all;
use futures_util::{AsyncReadExt, AsyncWriteExt, StreamExt, TryStreamExt, stream};
use support::in_runtimes;
use threadle::net::{TcpListener, TcpStream};
use threadle::{block_on, go};

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}

/// Twenty conversations by turns on one goroutine, with twenty peers in the blocking style.
#[test]
fn many_streams_on_one_goroutine() {
    in_runtimes("many streams", |place| {
        let (mut tasks, mut peers) = (Vec::new(), Vec::new());
        for number in 0..20_u8 {
            let (mut near, mut far) = pair();
            tasks.push(async move {
                for round in 0..50 {
                    AsyncWriteExt::write_all(&mut near, &[number, round]).await?;
                    let mut answer = [0; 2];
                    AsyncReadExt::read_exact(&mut near, &mut answer).await?;
                    assert_eq!(answer, [round, number]);
                }
                AsyncWriteExt::close(&mut near).await?;
                // Its peer's end.
                assert_eq!(AsyncReadExt::read(&mut near, &mut [0]).await?, 0);
                std::io::Result::Ok(())
            });
            peers.push(place.spawn(move || {
                let mut word = [0; 2];
                while Read::read_exact(&mut far, &mut word).is_ok() {
                    word.reverse();
                    Write::write_all(&mut far, &word).unwrap();
                }
            }));
        }
        for ended in block_on(join_all(tasks)) {
            ended.unwrap();
        }
        peers.into_iter().for_each(support::Task::join);
    });
}

#[test]
fn what_would_block_is_pending() {
    in_runtimes("pending", |_| {
        let (mut near, mut far) = pair();
        let context = &mut Context::from_waker(Waker::noop());
        assert!(AsyncRead::poll_read(Pin::new(&mut near), context, &mut [0]).is_pending());
        let full = loop {
            match AsyncWrite::poll_write(Pin::new(&mut near), context, &[0; 65536]) {
                Poll::Ready(written) => assert_ne!(written.unwrap(), 0),
                Poll::Pending => break true,
            }
        };
        assert!(full);
        assert!(AsyncWrite::poll_flush(Pin::new(&mut near), context).is_ready());
        Write::write_all(&mut far, b"!").unwrap();
        block_on(AsyncReadExt::read_exact(&mut near, &mut [0])).unwrap();
    });
}

/// A combinator of theirs between two of our streams, while a goroutine writes and another reads.
#[test]
fn their_copy_carries_between_ours() {
    in_runtimes("copy", |place| {
        let ((mut source, from), (mut to, mut sink)) = (pair(), pair());
        let text: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
        let sent = text.clone();
        let writer = place.spawn(move || {
            Write::write_all(&mut source, &sent).unwrap();
        });
        let reader = go(move || {
            let mut all = Vec::new();
            Read::read_to_end(&mut sink, &mut all).unwrap();
            all
        });
        let copied = block_on(async {
            let copied = futures_util::io::copy(from, &mut to).await.unwrap();
            AsyncWriteExt::close(&mut to).await.unwrap();
            copied
        });
        assert_eq!(copied, text.len() as u64);
        writer.join();
        assert!(reader.join().unwrap() == text);
    });
}

#[test]
fn unix_streams_have_them_too() {
    in_runtimes("unix", |_| {
        let (mut near, mut far) = threadle::net::unix::UnixStream::pair().unwrap();
        let echo = go(move || std::io::copy(&mut far.clone(), &mut far).unwrap());
        block_on(async {
            AsyncWriteExt::write_all(&mut near, b"near").await.unwrap();
            AsyncWriteExt::close(&mut near).await.unwrap();
            let mut word = String::new();
            AsyncReadExt::read_to_string(&mut near, &mut word).await.unwrap();
            assert_eq!(word, "near");
        });
        assert_eq!(echo.join().unwrap(), 4);
    });
}

/// Lines as a stream, the way async code reads protocols.
#[test]
fn lines_are_a_stream() {
    use futures_util::AsyncBufReadExt;
    in_runtimes("lines", |_| {
        let (mut near, far) = pair();
        go(move || {
            for number in 0..100 {
                writeln!(near, "line {number}").unwrap();
            }
        });
        let lines: Vec<String> = block_on(futures_util::io::BufReader::new(far).lines().try_collect()).unwrap();
        assert_eq!(lines.len(), 100);
        assert_eq!(lines[99], "line 99");
        let both = block_on(stream::iter([go(|| 1), go(|| 2)]).buffered(2).try_collect::<Vec<_>>()).unwrap();
        assert_eq!(both, [1, 2]);
    });
}

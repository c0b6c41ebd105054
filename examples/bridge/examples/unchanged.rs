//! Blocking libraries that know nothing of goroutines, unchanged: `ureq`, and the driver `postgres`, which even runs a runtime of tokio's inside.
//! Each call is announced by `blocking`, so that it holds up nobody.
//!
//! ```text
//! $ cargo run -p threadle-bridge --example unchanged
//! ureq: 16 goroutines, 16 answers of 18 bytes, a clock ticking all the while
//! ```
//!
//! Others' servers are asked with an address, and with the configuration of a database:
//!
//! ```text
//! $ cargo run -p threadle-bridge --example unchanged http://127.0.0.1:80/ "host=127.0.0.1 user=postgres"
//! ```

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use threadle::net::TcpListener;
use threadle::{blocking, go, time};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ASKERS: usize = 16;

fn ask_http(address: &str) -> Fallible<usize> {
    let text = blocking(|| ureq::get(address).call()?.body_mut().read_to_string())?;
    Ok(text.len())
}

fn ask_postgres(config: &str) -> Fallible<i32> {
    // A call at a time; the connection waits here in between.
    let mut client = blocking(|| postgres::Client::connect(config, postgres::NoTls))?;
    let row = blocking(|| client.query_one("SELECT 6 * 7", &[]))?;
    // It ends its connection when it is dropped, and waits for that.
    blocking(move || drop(client));
    Ok(row.get(0))
}

/// Asks on many goroutines at once while another one's clock ticks.
fn at_once<T: Send + 'static>(ask: impl Fn() -> Fallible<T> + Send + Sync + 'static) -> Fallible<Vec<T>> {
    let (over, ticks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let clock = {
        let (over, ticks) = (Arc::clone(&over), Arc::clone(&ticks));
        go(move || {
            while !over.load(Ordering::Relaxed) {
                time::sleep(Duration::from_millis(1));
                ticks.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let ask = Arc::new(ask);
    let askers: Vec<_> = (0..ASKERS)
        .map(|_| {
            let ask = Arc::clone(&ask);
            go(move || ask())
        })
        .collect();
    let answers = askers.into_iter().map(|asker| asker.join()?).collect();
    over.store(true, Ordering::Relaxed);
    clock.join()?;
    assert_ne!(ticks.load(Ordering::Relaxed), 0, "nobody else ran");
    answers
}

fn main() -> Fallible<()> {
    let mut arguments = std::env::args().skip(1).collect::<Vec<_>>().into_iter();
    threadle::run(|| {
        let address = arguments.next().map_or_else(serve, Ok)?;
        let lengths = at_once(move || ask_http(&address))?;
        let (count, length) = (lengths.len(), lengths[0]);
        println!("ureq: {ASKERS} goroutines, {count} answers of {length} bytes, a clock ticking all the while");
        if let Some(config) = arguments.next() {
            let answers = at_once(move || ask_postgres(&config))?;
            let right = answers.iter().filter(|answer| **answer == 42).count();
            println!("postgres: {ASKERS} goroutines, {right} right answers");
        }
        Ok(())
    })
}

/// A server that takes twenty milliseconds for each answer.
fn serve() -> Fallible<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}/", listener.local_addr()?);
    go(move || {
        for mut stream in listener.incoming().flatten() {
            go(move || -> Fallible<()> {
                for line in BufReader::new(stream.clone()).lines() {
                    if line?.is_empty() {
                        break;
                    }
                }
                time::sleep(Duration::from_millis(20));
                let text = "who asks, and how?";
                let length = text.len();
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}")?;
                Ok(())
            });
        }
    });
    Ok(address)
}

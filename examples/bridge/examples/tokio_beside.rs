//! tokio's runtime in the same process, and work handed over both ways.
//!
//! ```text
//! $ cargo run -p threadle-bridge --example tokio_beside
//! a task of tokio's, awaited by a goroutine: slept
//! a future that needs tokio's timer, polled on a goroutine: slept, too
//! a goroutine's answer, awaited by a task: 42
//! a connection that tokio accepted, served by a goroutine: HELLO
//! ```

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use threadle::pool::Pool;
use threadle::{block_on, go};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A future that is polled inside tokio's runtime, wherever it is polled: its timers and sockets find their reactor.
///
/// The guard lives for one poll alone. Held over a wait it would stay entered for the goroutines that come in between.
struct InTokio<F> {
    handle: Handle,
    future: Pin<Box<F>>,
}

impl<F: Future> InTokio<F> {
    fn new(handle: &Handle, future: F) -> InTokio<F> {
        InTokio { handle: handle.clone(), future: Box::pin(future) }
    }
}

impl<F: Future> Future for InTokio<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _entered = this.handle.enter();
        this.future.as_mut().poll(context)
    }
}

fn main() -> Fallible<()> {
    // Made and dropped outside: it waits for its threads.
    let tokio = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let handle = tokio.handle();
    threadle::run(|| {
        // From here to there: a task; its handle is a future, and `block_on` takes any.
        let task = handle.spawn(async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            "slept"
        });
        println!("a task of tokio's, awaited by a goroutine: {}", block_on(task)?);

        // Or the future stays here and only finds its reactor there. It need not be Send.
        let future = InTokio::new(handle, async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            "slept, too"
        });
        println!("a future that needs tokio's timer, polled on a goroutine: {}", block_on(future));

        // From there to here: `go` needs a runtime of ours around it, a pool's `try_submit` does not, and never blocks.
        let pool = Arc::new(Pool::new(4, 16));
        let entrance = Arc::clone(&pool);
        let task = handle.spawn(async move {
            let (answer, asked) = oneshot::channel();
            let job = move || {
                // A goroutine: it may block.
                threadle::time::sleep(Duration::from_millis(5));
                // Nobody listens where the task was aborted.
                let _unheard = answer.send(6 * 7);
            };
            entrance.try_submit(job).map_err(|_| "the pool is full")?;
            asked.await.map_err(|_| "the pool was shut down")
        });
        println!("a goroutine's answer, awaited by a task: {}", block_on(task)??);

        // Sockets change sides as std's: each has a registration with one reactor.
        let (hand_over, accepted) = threadle::chan::bounded(1);
        let listener = block_on(InTokio::new(handle, tokio::net::TcpListener::bind("127.0.0.1:0")))?;
        let address = listener.local_addr()?;
        handle.spawn(async move {
            let stream = listener.accept().await?.0.into_std()?;
            hand_over.try_send(stream).map_err(std::io::Error::other)
        });
        let asker = handle.spawn(async move {
            let mut stream = tokio::net::TcpStream::connect(address).await?;
            stream.write_all(b"hello").await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.map(|_| answer)
        });
        let server = go(move || -> Fallible<()> {
            use std::io::{Read, Write};
            let mut stream = threadle::net::TcpStream::from_std(accepted.recv()?)?;
            let mut word = [0; 5];
            stream.read_exact(&mut word)?;
            Ok(stream.write_all(&word.to_ascii_uppercase())?)
        });
        server.join()??;
        println!("a connection that tokio accepted, served by a goroutine: {}", block_on(asker)??);
        pool.shutdown();
        Fallible::Ok(())
    })?;
    drop(tokio);
    Ok(())
}

//! What hyper asks of a runtime (feature `hyper`): its `rt` traits on our streams, timers and goroutines.
//!
//! * [`Read`](hyper::rt::Read) and [`Write`](hyper::rt::Write) are implemented by [`TcpStream`](crate::net::TcpStream) itself;
//! * [`Timer`] is a [`hyper::rt::Timer`];
//! * [`Executor`] runs each future it is given on a goroutine of its own.
//!
//! One goroutine a connection, each in [`block_on`](crate::block_on):
//!
//! ```no_run
//! # struct Connection;
//! # impl std::future::Future for Connection {
//! #     type Output = ();
//! #     fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<()> { std::task::Poll::Ready(()) }
//! # }
//! # fn serve(_: threadle::net::TcpStream, _: threadle::rt::Timer) -> Connection { Connection }
//! threadle::run(|| {
//!     let listener = threadle::net::TcpListener::bind("127.0.0.1:8080").unwrap();
//!     for stream in listener.incoming() {
//!         let stream = stream.unwrap();
//!         // serve: hyper::server::conn::http1::Builder::new().timer(Timer).serve_connection(stream, service)
//!         threadle::go(move || threadle::block_on(serve(stream, threadle::rt::Timer)));
//!     }
//! });
//! ```
//!
//! A handler in the blocking style goes on a goroutine of its own, whose handle is the future that hyper awaits:
//! `service_fn(|request| threadle::go(move || handle(request)))`, with the join error mapped.

mod executor;
mod io;
mod timer;

pub use executor::Executor;
pub use timer::Timer;

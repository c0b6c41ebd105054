//! Accepting connections until the service stops.

use std::sync::Arc;
use std::time::Duration;

use threadle::chan::Sender;
use threadle::net::TcpListener;

use super::connection;
use super::handler::Handler;
use crate::console;

/// The acceptor's goroutine: ends when the listener is closed. Every connection holds a clone of `alive`.
pub(crate) fn accept(listener: &TcpListener, handler: &Arc<Handler>, alive: &Sender<()>) {
    let mut complained = false;
    loop {
        let stream = match listener.accept() {
            Ok((stream, _peer)) => {
                complained = false;
                stream
            }
            Err(_closed) if handler.stop.is_announced() => return,
            Err(error) => {
                // Out of descriptors, most likely: some connection has to end first.
                if !complained {
                    console::log(format_args!("ingest: accepting connections: {error}"));
                    complained = true;
                }
                threadle::time::sleep(Duration::from_millis(50));
                continue;
            }
        };
        let handler = Arc::clone(handler);
        let alive = alive.clone();
        threadle::go(move || {
            // Answers are small and whole: there is nothing to wait for.
            if stream.set_nodelay(true).is_ok() {
                connection::serve(stream, &handler);
            }
            drop(alive);
        });
    }
}

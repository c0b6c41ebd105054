//! TCP.

mod listener;
mod poll;
mod stream;

pub use listener::{Incoming, TcpListener};
pub use stream::TcpStream;

//! TCP.

mod listener;
mod poll;
mod stream;
mod with;

pub use listener::{Incoming, TcpListener};
pub use stream::TcpStream;
pub use with::WithContext;

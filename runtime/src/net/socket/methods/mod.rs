//! The public methods that several kinds of sockets have. Each macro writes an `impl` for a type with a field `handle`.
//!
//! The example that comes with the name is hidden code for the examples of the methods, and defines what they use: `pair()`, two connected
//! sockets of the type, or `listener()`.

mod contexts;
mod datagrams;
mod deadlines;
mod handles;
mod listens;
mod streams;
mod tasks;

pub(in crate::net) use contexts::contexts;
pub(in crate::net) use datagrams::datagrams;
pub(in crate::net) use deadlines::deadlines;
pub(in crate::net) use handles::handles;
pub(in crate::net) use listens::listens;
pub(in crate::net) use streams::streams;
pub(in crate::net) use tasks::tasks;

//! The examples against what their headers say, and against programs of others.

mod outputs;
mod peers;
mod support;

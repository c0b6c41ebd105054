//! The examples against what their headers say, against programs of others, and against clients that mean no good.

mod bad_input;
mod outputs;
mod peers;
mod support;
mod tokio_beside;

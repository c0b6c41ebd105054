//! The service as its users meet it: over real sockets, against a real S3
//! server and a real folder, as a library and as the real binary.

mod bad_input;
mod demo;
mod keeping;
mod kill;
mod overload;
mod shutdown;
mod store_client;
mod support;
mod unheard;

//! An HTTP service that takes a million small POSTs a minute and keeps them
//! in S3, on the [`threadle`] goroutine runtime. The story and the manual are
//! in this package's `README.md`; this page is the map of the code.
//!
//! A request's way through the modules:
//!
//! ```text
//!  http::accept      one goroutine a connection, driving hyper
//!  http::handler     one goroutine a request: parse, queue, wait, answer
//!  pipeline::queue   the bounded job queue: wait or shed when it is full
//!  pipeline::dispatcher   gathers jobs into batches, hands each to a free worker
//!  pipeline::worker  registers its own job channel in the pool channel; one upload at a time
//!  store             one object per batch: S3 (OpenDAL over `transport`) or a folder
//! ```
//!
//! [`service::Service`] starts and stops all of it inside a running runtime,
//! which is how `ingest serve`, `ingest demo` and the tests use it.

// These panic when nobody reads them any more: `console` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod config;
pub mod console;
pub mod counters;
#[cfg(feature = "demo")]
pub mod demo;
pub mod http;
pub mod payload;
pub mod pipeline;
pub mod service;
pub mod stop;
pub mod store;
pub mod transport;

//! From a parsed request to an object in the store: the article's final
//! design, with the batches it lacked.
//!
//! ```text
//!  handlers --Job--> [ job queue, bounded ] --> dispatcher --Batch--> worker's own channel --> store
//!                                                   ^                          |
//!                                                   +--- pool: channel of the free workers' channels
//! ```
//!
//! A worker that is free registers by sending its own job channel into the
//! pool channel. The dispatcher takes a job, gathers more into a batch, takes a
//! free worker's channel out of the pool and sends the batch there. So a batch
//! waits in one place only, and a slow upload holds up one worker.
//!
//! Rejected, as in the article: a goroutine for each upload (nothing bounds
//! them), and one buffered channel read by one uploader (it only delays the
//! same overload until the buffer is full). A plain queue shared by the workers
//! would do as well as the pool channel for single jobs; with batches it would
//! not: every idle worker would gather a small batch of its own, where the one
//! dispatcher gathers one large one.
//!
//! Ending, in this order, so that nothing accepted is left behind: the queue is
//! closed; the dispatcher empties it, then closes the pool and the channel of
//! every worker registered there; a worker whose channel or pool is closed ends.

pub mod batch;
pub mod dispatcher;
pub mod job;
pub mod queue;
pub mod worker;

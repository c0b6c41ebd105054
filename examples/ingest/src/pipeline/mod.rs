//! From a parsed request to an object in the store: the article's final
//! design, with the batches it lacked.
//!
//! ```text
//!  handlers --Job--> [ job queue, bounded ] --> dispatcher --Batch--> a free worker --> store
//!                                                   ^                      |
//!                                                   +------- the pool -----+
//! ```
//!
//! In the article a worker that is free sends its own job channel into the pool channel, a channel of channels; the dispatcher takes a job,
//! takes a free worker's channel out of the pool, and sends the one to the other. That is what [`threadle::pool`] is made of, where its page shows
//! which part is which; here it is two calls. [`reserve`](threadle::pool::Pool::reserve) takes a free worker out of the pool, and the
//! [`Slot`](threadle::pool::Slot) that it gives is that worker's channel. Between the two the dispatcher makes the batch as large as it has become
//! meanwhile. The pool has no queue of its own: a batch waits in one place only, and a slow upload holds up one worker.
//!
//! Rejected, as in the article: a goroutine for each upload (nothing bounds
//! them), and one buffered channel read by one uploader (it only delays the
//! same overload until the buffer is full). A plain queue shared by the workers
//! would do as well as the pool channel for single jobs; with batches it would
//! not: every idle worker would gather a small batch of its own, where the one
//! dispatcher gathers one large one.
//!
//! Ending, in this order, so that nothing accepted is left behind: the queue is
//! closed; the dispatcher empties it, then closes the pool; the workers end with
//! their uploads. When the drain time is over the pool is closed from outside, and
//! the dispatcher gives up.

pub mod batch;
pub mod dispatcher;
pub mod job;
pub mod queue;
pub mod uploader;

//! What a request means, and the goroutine that handles it.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request};
use hyper::body::Incoming;

use super::body::{self, Unfinished};
use super::connection::Phase;
use super::reply::{self, Reply};
use crate::config::{Ack, Config};
use crate::counters::Counters;
use crate::payload::{self, Share};
use crate::pipeline::job::{Job, Outcome, Pending};
use crate::pipeline::queue::Queue;
use crate::stop::Stop;

/// What every request needs.
#[derive(Debug)]
pub struct Handler {
    /// The settings.
    pub config: Config,
    /// Where jobs go.
    pub queue: Queue,
    /// What is counted.
    pub counters: Arc<Counters>,
    /// Whether the service is stopping.
    pub stop: Stop,
}

impl Handler {
    /// Answers a request; the future that hyper waits for.
    ///
    /// # Errors
    ///
    /// Where the connection broke before the body was whole: there is nobody to answer.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        phase: &Phase,
    ) -> Result<Reply, hyper::Error> {
        phase.reading();
        let reply = self.route(request, phase).await;
        phase.answered();
        reply
    }

    async fn route(self: Arc<Self>, request: Request<Incoming>, phase: &Phase) -> Result<Reply, hyper::Error> {
        match (request.uri().path(), request.method()) {
            ("/", &Method::POST) => {}
            ("/", _) => return Ok(reply::not_allowed("POST")),
            ("/healthz", &Method::GET | &Method::HEAD) => {
                return Ok(reply::health(self.stop.is_announced(), self.queue.len()));
            }
            ("/healthz", _) => return Ok(reply::not_allowed("GET, HEAD")),
            _ => return Ok(reply::not_found()),
        }
        let limit = self.config.max_body;
        let body = body::collect(request.into_body(), limit, self.config.read_timeout);
        let body = match body.await {
            Ok(body) => body,
            Err(Unfinished::TooLarge) => {
                phase.refused_body();
                return Ok(reply::too_large(limit));
            }
            Err(Unfinished::TooSlow) => {
                phase.refused_body();
                return Ok(reply::too_slow());
            }
            Err(Unfinished::Broken(error)) => return Err(error),
        };
        phase.handling();
        self.counters.request();
        // The blocking style begins here.
        let handling = threadle::go(move || self.take_in(&body));
        Ok(handling.await.unwrap_or_else(|ended| match ended.is_panic() {
            true => reply::broken(),
            // It never ran: there was no stack for it.
            false => reply::unavailable("too many requests at once"),
        }))
    }

    /// A request's goroutine: parse, queue, wait, answer.
    fn take_in(&self, body: &Bytes) -> Reply {
        let Config { batch_payloads, batch_bytes, ack, .. } = self.config;
        let lines = match payload::read_lines(body, batch_payloads, batch_bytes) {
            Ok(lines) => lines,
            Err(bad) => return reply::bad_body(&bad),
        };
        let reply = match ack {
            Ack::Stored => self.store(lines.shares).map(|()| "stored"),
            Ack::Queued => self.queue_up(lines.shares).map(|()| "queued"),
        };
        match reply {
            Ok(word) => {
                self.counters.accepted();
                reply::accepted(lines.payloads, word)
            }
            Err(why) => {
                self.counters.refused();
                reply::unavailable(why)
            }
        }
    }

    /// Returns when every payload is in the store. On an error some of a
    /// request's payloads may be there: the client sends all of them again.
    fn store(&self, shares: Vec<Share>) -> Result<(), &'static str> {
        let pending = Pending::new(shares.len());
        let patience = self.queue.patience();
        for share in shares {
            let job = pending.job(share);
            self.queue.push(job, patience).map_err(|_| FULL)?;
        }
        match pending.wait() {
            Outcome::Stored => Ok(()),
            Outcome::Failed => Err("the store does not take it"),
        }
    }

    fn queue_up(&self, shares: Vec<Share>) -> Result<(), &'static str> {
        let patience = self.queue.patience();
        for share in shares {
            let payloads = share.payloads;
            // Before the push: the job may be stored before that has returned.
            self.counters.owe(payloads);
            if self.queue.push(Job::unwatched(share), patience).is_err() {
                self.counters.kept(payloads);
                return Err(FULL);
            }
        }
        Ok(())
    }
}

const FULL: &str = "the queue is full";

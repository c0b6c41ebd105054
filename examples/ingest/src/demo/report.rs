//! What the demo prints at its end.

use std::fmt;

use serde::Serialize;

use super::latency::Percentiles;
use super::load::Sent;
use super::readback::Found;

/// How long the puts took: where the first is long and the second is not, the time was lost on this side of the socket.
#[derive(Clone, Copy, Debug)]
pub struct Puts {
    /// From the worker's call until it has returned.
    pub called: Percentiles,
    /// In the server, from the request's head until its answer.
    pub served: Percentiles,
}

/// The figures of one run. The names are the keys of the JSON object.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Requests written whole, one payload each.
    pub sent: u64,
    /// Of these, answered with 200.
    pub acked: u64,
    /// Payloads found in the store.
    pub stored: u64,
    /// Acknowledged payloads that were not.
    pub lost: u64,
    /// Objects in the store.
    pub objects: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Acknowledged requests a second, from when the first was due to the last answer.
    pub rps: f64,
    /// Median latency from the scheduled send, in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of it.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
    #[serde(skip)]
    refused: u64,
    #[serde(skip)]
    failed: u64,
    #[serde(skip)]
    surplus: u64,
    #[serde(skip)]
    puts: Puts,
}

impl Report {
    pub(super) fn new(sent: &Sent, found: &Found, puts: Puts) -> Self {
        let acked = sent.acked.count();
        let Percentiles { p50_ms, p99_ms, max_ms } = Percentiles::of(&sent.latency);
        Self {
            sent: sent.sent,
            acked,
            stored: found.ids.count(),
            lost: sent.acked.count_missing_in(&found.ids),
            objects: found.objects(),
            bytes: found.bytes(),
            rps: (acked as f64 / sent.took.as_secs_f64().max(1e-9)).round(),
            p50_ms,
            p99_ms,
            max_ms,
            refused: sent.refused,
            failed: sent.failed,
            surplus: found.surplus(),
            puts,
        }
    }

    /// Whether something was sent, all of it was acknowledged, and all of that is in the store.
    pub fn all_went_well(&self) -> bool {
        self.lost == 0 && self.failed == 0 && self.acked == self.sent && self.acked > 0
    }

    /// One JSON object in one line.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("numbers can be serialized")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_object = self.stored as f64 / self.objects.max(1) as f64;
        writeln!(f, "sent          {}", self.sent)?;
        writeln!(f, "acknowledged  {} ({} refused, {} failed)", self.acked, self.refused, self.failed)?;
        writeln!(f, "stored        {} ({} twice)", self.stored, self.surplus)?;
        writeln!(f, "lost          {}", self.lost)?;
        writeln!(f, "objects       {} ({per_object:.1} payloads each)", self.objects)?;
        writeln!(f, "bytes         {}", self.bytes)?;
        writeln!(f, "requests/s    {:.0}", self.rps)?;
        let Self { p50_ms, p99_ms, max_ms, puts, .. } = *self;
        writeln!(f, "latency       {}", Percentiles { p50_ms, p99_ms, max_ms })?;
        writeln!(f, "store's put   {}", puts.called)?;
        write!(f, "  its server  {}", puts.served)
    }
}

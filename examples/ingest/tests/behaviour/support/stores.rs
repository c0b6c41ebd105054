//! Stores that do what a test tells them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ingest::store::{PutError, Store};
use threadle::chan::{self, Receiver, Sender};

/// Keeps objects in memory.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<BTreeMap<String, Bytes>>);

impl Kept {
    pub(crate) fn keep(&self, key: &str, object: Bytes) {
        let before = self.0.lock().unwrap().insert(key.to_owned(), object);
        assert!(before.is_none(), "{key} was given twice");
    }

    pub(crate) fn objects(&self) -> Vec<String> {
        let text = |object: &Bytes| String::from_utf8(object.to_vec()).expect("UTF-8");
        self.0.lock().unwrap().values().map(text).collect()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.objects().iter().flat_map(|object| object.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }
}

/// Holds every put until the gate is opened.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) kept: Kept,
    /// A put has begun.
    entered: Sender<()>,
    pub(crate) begun: Receiver<()>,
    /// Closed once the gate is open.
    opened: Receiver<()>,
    opener: Sender<()>,
}

impl Gate {
    pub(crate) fn closed() -> Self {
        let (entered, begun) = chan::unbounded();
        let (opener, opened) = chan::bounded(0);
        Self { kept: Kept::default(), entered, begun, opened, opener }
    }

    pub(crate) fn open(&self) {
        self.opener.close();
    }
}

impl Store for Gate {
    fn put(&self, key: &str, object: Bytes) -> Result<(), PutError> {
        self.entered.send(()).expect("the gate itself listens");
        assert!(self.opened.recv().is_err(), "nothing is ever sent");
        self.kept.keep(key, object);
        Ok(())
    }
}

/// Fails some puts, then keeps.
#[derive(Debug)]
pub(crate) struct Failing {
    pub(crate) kept: Kept,
    pub(crate) attempts: AtomicUsize,
    failures: usize,
    permanent: bool,
}

impl Failing {
    pub(crate) fn temporarily(failures: usize) -> Self {
        Self { kept: Kept::default(), attempts: AtomicUsize::new(0), failures, permanent: false }
    }

    pub(crate) fn permanently() -> Self {
        Self { permanent: true, ..Self::temporarily(usize::MAX) }
    }
}

impl Store for Failing {
    fn put(&self, key: &str, object: Bytes) -> Result<(), PutError> {
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed);
        if attempt < self.failures {
            return Err(if self.permanent {
                PutError::permanent("no such bucket")
            } else {
                PutError::temporary("a passing fault")
            });
        }
        self.kept.keep(key, object);
        Ok(())
    }
}

/// Panics at the first put, then keeps.
#[derive(Debug, Default)]
pub(crate) struct PanickingOnce {
    pub(crate) kept: Kept,
    pub(crate) attempts: AtomicUsize,
}

impl Store for PanickingOnce {
    fn put(&self, key: &str, object: Bytes) -> Result<(), PutError> {
        assert!(self.attempts.fetch_add(1, Ordering::SeqCst) > 0, "a store that panics");
        self.kept.keep(key, object);
        Ok(())
    }
}

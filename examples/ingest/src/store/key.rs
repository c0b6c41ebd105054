//! Names of objects: `2026/11/21/19/<UUIDv7>.jsonl`, in UTC.
//!
//! Two objects never get one name. Within a process, the UUIDs share a counter
//! under their millisecond; between processes, nodes and restarts, 74 random
//! bits a name keep them apart. The folder of the hour keeps listings short
//! and lets query engines skip what is out of range.

use jiff::Timestamp;
use uuid::{ContextV7, Uuid};

/// Makes names.
#[derive(Debug)]
pub struct KeyMaker {
    counter: std::sync::Mutex<ContextV7>,
}

impl KeyMaker {
    /// One maker serves a whole process.
    pub fn new() -> Self {
        Self { counter: std::sync::Mutex::new(ContextV7::new()) }
    }

    /// A name never given before.
    pub fn next(&self) -> String {
        let now = Timestamp::now();
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        let timestamp = uuid::Timestamp::from_unix(&self.counter, seconds, nanoseconds);
        format!("{}/{}.jsonl", now.strftime("%Y/%m/%d/%H"), Uuid::new_v7(timestamp))
    }
}

impl Default for KeyMaker {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn form() {
        let key = KeyMaker::new().next();
        let (folder, file) = key.rsplit_once('/').expect("a folder");
        assert_eq!(folder.len(), "2026/11/21/19".len());
        let id = file.strip_suffix(".jsonl").expect("the suffix");
        let id = Uuid::parse_str(id).expect("a UUID");
        assert_eq!(id.get_version_num(), 7);
    }

    #[test]
    fn unique_between_threads_and_nodes() {
        const EACH: usize = 20_000;
        let one = Arc::new(KeyMaker::new());
        let nodes = [Arc::clone(&one), one, Arc::new(KeyMaker::new()), Arc::new(KeyMaker::new())];
        let threads: Vec<_> = nodes
            .into_iter()
            .map(|node| std::thread::spawn(move || (0..EACH).map(|_| node.next()).collect::<Vec<_>>()))
            .collect();
        let keys: Vec<String> = threads.into_iter().flat_map(|thread| thread.join().expect("a thread")).collect();
        assert_eq!(keys.len(), 4 * EACH);
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    }
}

//! No descriptor of a poller passes to a program that is executed. Alone in its process: it looks at all of them.
#![cfg(not(loom))]

mod harness;

use harness::SLAB;
use std::collections::BTreeSet;
use threadle_netpoll::{Poller, Ready};

fn open_descriptors() -> BTreeSet<i32> {
    let names = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.to_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn every_descriptor_is_closed_on_exec_and_on_drop() {
    let before = open_descriptors();
    let poller = Poller::new(&SLAB).unwrap();
    poller.interrupt();
    let _ = poller.poll_now(&mut Ready::new()).unwrap();
    let ours: Vec<i32> = open_descriptors().difference(&before).copied().collect();
    for &descriptor in &ours {
        // SAFETY: asks for the flags of a number, open or not.
        let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFD) };
        // The one through which the folder was read is closed by now.
        assert!(flags < 0 || flags & libc::FD_CLOEXEC != 0, "descriptor {descriptor}");
    }
    assert!(ours.len() >= 4, "{ours:?}");
    drop(poller);
    assert_eq!(open_descriptors().len(), before.len());
}

//! What the machine allows: CPUs, threads, memory mappings, and the clocks and barriers to watch them with.
//!
//! Each file here asks the kernel one question. Whatever has to be parsed is parsed by pure functions over the
//! literal text, so that the tests can show them machines this one is not. A limit that cannot be read is no limit:
//! a container without `/proc` still runs.

mod cgroup;
pub(crate) mod clock;
pub(crate) mod cpu;
pub(crate) mod mappings;
pub(crate) mod membarrier;
pub(crate) mod threads;

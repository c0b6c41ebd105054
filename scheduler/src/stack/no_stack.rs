//! The error of having no stack to give.

use std::error::Error;
use std::{fmt, io};

/// There is no stack to be had just now; the text says which limit was hit and what can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoStack(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    TooLarge { wanted: usize, largest: usize },
    MappingLimit { used: usize, limit: usize },
    SlabLimit { limit: usize },
    Refused { call: &'static str, errno: i32 },
}

impl NoStack {
    pub(super) fn too_large(wanted: usize, largest: usize) -> NoStack {
        NoStack(Kind::TooLarge { wanted, largest })
    }

    /// So many mappings are in use that no more may be made for guards.
    pub(super) fn mapping_limit(used: usize, limit: usize) -> NoStack {
        NoStack(Kind::MappingLimit { used, limit })
    }

    pub(super) fn slab_limit(limit: usize) -> NoStack {
        NoStack(Kind::SlabLimit { limit })
    }

    /// The kernel refused `call`.
    pub(super) fn refused(call: &'static str, error: &io::Error) -> NoStack {
        NoStack(Kind::Refused { call, errno: error.raw_os_error().unwrap_or(0) })
    }
}

impl fmt::Display for NoStack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::TooLarge { wanted, largest } => {
                write!(
                    formatter,
                    "a stack of {wanted} bytes is larger than the largest there is, {} GiB",
                    largest >> 30
                )
            }
            Kind::MappingLimit { used, limit } => write!(
                formatter,
                "vm.max_map_count ({limit}): {used} memory mappings are in use and each further stack needs two \
                 for its guard, which stops at 80 %; raise it (sysctl -w vm.max_map_count={}), or run on \
                 Linux 6.13 or later, where guards need no mappings",
                limit.saturating_mul(4)
            ),
            Kind::SlabLimit { limit } => write!(formatter, "all {limit} slabs of stacks are in use"),
            Kind::Refused { call, errno } => {
                write!(formatter, "{call}: {}", io::Error::from_raw_os_error(errno))?;
                if errno == libc::ENOMEM {
                    formatter.write_str(
                        "; the limits to look at are the address space (ulimit -v), vm.overcommit_memory, \
                         vm.max_map_count and the memory of the machine or container",
                    )?;
                }
                Ok(())
            }
        }
    }
}

impl Error for NoStack {}

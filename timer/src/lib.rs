#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod key;
mod position;
mod slab;
mod slots;
mod wheel;

pub use key::Key;
pub use wheel::{Budget, Wheel};

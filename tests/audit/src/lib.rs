#![doc = include_str!("../README.md")]

mod binary;
mod calls;
mod code;
mod findings;
mod flow;
mod image;
mod lines;
mod report;
mod summaries;

pub use binary::{CannotLook, Options, audit};
pub use calls::Indirect;
pub use report::{Finding, Held, Place, Report, Step, Use};

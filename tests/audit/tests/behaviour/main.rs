//! The audit of real programs, and of what is none.
#![cfg(target_arch = "x86_64")]

mod command_line;
mod damaged;
mod planted;
mod programs;
mod random;

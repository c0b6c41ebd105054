//! The analysis on hand-assembled code.

mod laws;
mod random;
mod shapes;

use super::{ArgumentUse, Fault, Gives, Outcome, Summary, UseKind, World, analyse};
use crate::code::{Code, Resolve, Target};
use crate::flow::value::{Arguments, At};
use crate::image::{CallSite, Callee, Function, Word};
use std::collections::BTreeMap;

/// Where the code under test lies.
const START: u64 = 0x1000;

// Functions that it calls.
/// Can reach the switch.
const SWITCHING: u64 = 0x2000;
/// Cannot.
const QUIET: u64 = 0x3000;
/// Returns the address of a thread-local.
const ADDRESS: u64 = 0x4000;
/// Returns its first argument.
const IDENTITY: u64 = 0x5000;
/// Can reach the switch, and uses its second argument after it.
const USER: u64 = 0x6000;

// Words of data.
/// Holds the address of `__tls_get_addr`.
const TLS_GET_ADDR: u64 = 0x7000;
/// Holds a descriptor of a thread-local.
const DESCRIPTOR: u64 = 0x7008;
/// A table of jumps: distances from here.
const TABLE: u64 = 0x7100;

/// A piece of code.
#[derive(Clone, Copy)]
enum Part<'bytes> {
    Is(&'bytes [u8]),
    /// `call`
    Call(u64),
    /// `jmp`
    Jump(u64),
    /// An instruction that ends in the distance to this address.
    To(&'bytes [u8], u64),
}
use Part::{Call, Is, Jump, To};

// Instructions that occur often.
/// `mov rbx, fs:[0]`
const RBX_IS_THREAD: Part<'_> = Is(&[0x64, 0x48, 0x8b, 0x1c, 0x25, 0, 0, 0, 0]);
/// `mov rax, fs:[0]`
const RAX_IS_THREAD: Part<'_> = Is(&[0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0]);
/// `mov rax, [rbx - 8]`
const READ_RBX: Part<'_> = Is(&[0x48, 0x8b, 0x43, 0xf8]);
/// `mov rax, [rax - 8]`
const READ_RAX: Part<'_> = Is(&[0x48, 0x8b, 0x40, 0xf8]);
/// `mov [rsp + 8], rax`
const SPILL_RAX: Part<'_> = Is(&[0x48, 0x89, 0x44, 0x24, 0x08]);
/// `mov rax, [rsp + 8]`
const RELOAD_RAX: Part<'_> = Is(&[0x48, 0x8b, 0x44, 0x24, 0x08]);
/// `sub rsp, 24`
const FRAME: Part<'_> = Is(&[0x48, 0x83, 0xec, 0x18]);
/// `ret`
const RET: Part<'_> = Is(&[0xc3]);

fn assemble(parts: &[Part<'_>]) -> Vec<u8> {
    let mut code = Vec::new();
    for part in parts {
        let (bytes, to) = match part {
            Is(bytes) => {
                code.extend_from_slice(bytes);
                continue;
            }
            Call(to) => (&[0xe8][..], *to),
            Jump(to) => (&[0xe9][..], *to),
            To(bytes, to) => (*bytes, *to),
        };
        code.extend_from_slice(bytes);
        let behind = START + code.len() as u64 + 4;
        code.extend_from_slice(&(to.wrapping_sub(behind) as i32).to_le_bytes());
    }
    code
}

/// The world around the code under test.
#[derive(Default)]
struct Surroundings {
    /// The entries of `TABLE`.
    table: Vec<i32>,
}

impl<'data> Resolve<'data> for Surroundings {
    fn callee(&self, address: u64) -> Callee<'data> {
        Callee::Function(address as usize)
    }

    fn callee_in(&self, slot: u64) -> Callee<'data> {
        if slot == TLS_GET_ADDR { Callee::Import("__tls_get_addr") } else { Callee::Nameless }
    }
}

impl<'data> World<'data> for Surroundings {
    fn word(&self, address: u64) -> Option<Word<'data>> {
        (address == DESCRIPTOR).then_some(Word::ThreadLocalDescriptor)
    }

    fn offset(&self, address: u64) -> Option<i32> {
        self.table.get(usize::try_from(address.checked_sub(TABLE)? / 4).ok()?).copied()
    }

    fn reaches_switch(&self, target: Target<'data>) -> bool {
        match target {
            Target::Known(Callee::Function(address)) => [SWITCHING, USER].contains(&(address as u64)),
            Target::Known(_) => false,
            Target::Pointer => true,
        }
    }

    fn summary(&mut self, target: Target<'data>, _asked: Arguments) -> Summary {
        let mut summary = Summary::default();
        match target {
            Target::Known(Callee::Import("__tls_get_addr")) => summary.returns[0].address = true,
            Target::Known(Callee::Function(address)) => match address as u64 {
                ADDRESS => summary.returns[0].address = true,
                IDENTITY => summary.returns[0].arguments = 1,
                USER => summary.uses[1] = Some(ArgumentUse { call: 1, at: 2, kind: UseKind::Read, argument: None }),
                _ => {}
            },
            _ => {}
        }
        summary
    }
}

fn outcome_with(parts: &[Part<'_>], call_sites: &[CallSite], mut surroundings: Surroundings) -> Outcome {
    let bytes = assemble(parts);
    let function = Function { address: START, code: &bytes, name: "tested", call_sites: Vec::new() };
    let code = Code::of(&surroundings, &function);
    analyse(&code, call_sites, &mut surroundings)
}

fn outcome(parts: &[Part<'_>]) -> Outcome {
    outcome_with(parts, &[], Surroundings::default())
}

/// How far the last of `parts` is from the start.
fn at(parts: &[Part<'_>]) -> At {
    assemble(&parts[..parts.len() - 1]).len() as At
}

/// What is done with stale addresses, in the code's order.
fn uses(parts: &[Part<'_>]) -> Vec<UseKind> {
    kinds(&outcome(parts))
}

fn kinds(outcome: &Outcome) -> Vec<UseKind> {
    let by_place: BTreeMap<At, UseKind> = outcome.faults.iter().flat_map(|fault| fault.uses.iter().copied()).collect();
    by_place.into_values().collect()
}

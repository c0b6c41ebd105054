//! A function's instructions, and what of them can be told without following values.

use crate::image::{Callee, Function};
use iced_x86::{Code as Opcode, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

/// How far back a pattern of several instructions is looked for.
const WINDOW: usize = 8;

/// Whom a call, or a jump out of the function, leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target<'data> {
    Known(Callee<'data>),
    /// Whatever a pointer leads to that the file does not fix: a method of a `dyn` type, a closure or function that was passed.
    Pointer,
}

/// corosensei's switch away from a goroutine's stack, which is inline assembly: after the instruction `leave` the code goes on at `resume`,
/// once somebody resumes the goroutine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct InlineSwitch {
    /// The address of the `ret` or `jmp` that leaves.
    pub(crate) leave: u64,
    pub(crate) resume: u64,
}

/// Knows what lies at an address.
pub(crate) trait Resolve<'data> {
    /// Who is called by a call of this address.
    fn callee(&self, address: u64) -> Callee<'data>;
    /// Who is called through the pointer at this address, if the file fixes that.
    fn callee_in(&self, slot: u64) -> Callee<'data>;
}

#[derive(Debug)]
pub(crate) struct Code<'data> {
    pub(crate) instructions: Vec<Instruction>,
    pub(crate) switches: Vec<InlineSwitch>,
    /// By index into `instructions`: calls, and jumps out of the function.
    targets: Vec<(usize, Target<'data>)>,
}

impl<'data> Code<'data> {
    /// Decodes from the function's first byte to its last. Data in between decodes to something, too, which no jump leads to.
    pub(crate) fn of(image: &impl Resolve<'data>, function: &Function<'data>) -> Code<'data> {
        let instructions = decode(function.code, function.address);
        let targets = instructions
            .iter()
            .enumerate()
            .filter_map(|(index, _)| Some((index, target(image, function, &instructions[..=index])?)))
            .collect();
        Code { switches: switches(function, &instructions), instructions, targets }
    }

    pub(crate) fn target(&self, index: usize) -> Option<Target<'data>> {
        let found = self.targets.binary_search_by_key(&index, |&(index, _)| index).ok()?;
        Some(self.targets[found].1)
    }

    pub(crate) fn targets(&self) -> impl Iterator<Item = (usize, Target<'data>)> + '_ {
        self.targets.iter().copied()
    }

    /// The instruction that begins at this address.
    pub(crate) fn index_of(&self, address: u64) -> Option<usize> {
        self.instructions.binary_search_by_key(&address, Instruction::ip).ok()
    }
}

pub(crate) fn decode(code: &[u8], address: u64) -> Vec<Instruction> {
    Decoder::with_ip(64, code, address, DecoderOptions::NONE).into_iter().collect()
}

/// Reads the thread pointer, or an address made of it, into a register: `mov rax, fs:[0]`, `add rax, fs:[0]`, `rdfsbase`. In the thread
/// control block's third word lies the pointer to itself.
pub(crate) fn reads_thread_pointer(instruction: &Instruction) -> bool {
    match instruction.mnemonic() {
        Mnemonic::Rdfsbase => true,
        Mnemonic::Mov | Mnemonic::Add => {
            instruction.op0_kind() == OpKind::Register
                && instruction.op0_register().is_gpr64()
                && instruction.op1_kind() == OpKind::Memory
                && instruction.segment_prefix() == Register::FS
                && instruction.memory_base() == Register::None
                && instruction.memory_index() == Register::None
                && matches!(instruction.memory_displacement64(), 0 | 0x10)
        }
        _ => false,
    }
}

/// The address a `lea` with the instruction pointer computes.
pub(crate) fn address_taken(instruction: &Instruction) -> Option<u64> {
    (instruction.mnemonic() == Mnemonic::Lea && instruction.is_ip_rel_memory_operand())
        .then(|| instruction.ip_rel_memory_address())
}

/// Whom the last instruction of `until` leads to, if that is outside the function or back to its start by a call.
fn target<'data>(
    image: &impl Resolve<'data>,
    function: &Function<'data>,
    until: &[Instruction],
) -> Option<Target<'data>> {
    let instruction = until.last()?;
    match instruction.flow_control() {
        FlowControl::Call if is_near(instruction) => {
            Some(Target::Known(image.callee(instruction.near_branch_target())))
        }
        FlowControl::IndirectCall => Some(through_pointer(image, until)),
        FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch if is_near(instruction) => {
            let to = instruction.near_branch_target();
            (!function.contains(to)).then(|| Target::Known(image.callee(to)))
        }
        FlowControl::IndirectBranch if !is_table_jump(until) => Some(through_pointer(image, until)),
        _ => None,
    }
}

fn is_near(instruction: &Instruction) -> bool {
    matches!(instruction.op0_kind(), OpKind::NearBranch64 | OpKind::NearBranch32 | OpKind::NearBranch16)
}

/// A call through memory or a register. Functions of other crates are called through the linker's table, whose words are fixed; the compiler
/// loads them into a register early when it calls them repeatedly. So a register is traced to the last write to it, in the order in which the
/// code lies: where several ways lead to the call, the others' writes are not looked at.
fn through_pointer<'data>(image: &impl Resolve<'data>, until: &[Instruction]) -> Target<'data> {
    let Some((instruction, before)) = until.split_last() else { return Target::Pointer };
    let load = match instruction.op0_kind() {
        OpKind::Memory => instruction,
        _ => match last_write(before, instruction.op0_register()) {
            Some(load) if load.mnemonic() == Mnemonic::Mov && load.op1_kind() == OpKind::Memory => load,
            _ => return Target::Pointer,
        },
    };
    if !load.is_ip_rel_memory_operand() {
        return Target::Pointer;
    }
    match image.callee_in(load.ip_rel_memory_address()) {
        Callee::Nameless => Target::Pointer,
        callee => Target::Known(callee),
    }
}

/// The last of these instructions, as the code lies, that writes the register.
fn last_write(before: &[Instruction], register: Register) -> Option<&Instruction> {
    before.iter().rev().find(|earlier| {
        earlier.op0_kind() == OpKind::Register
            && earlier.op0_register().full_register() == register
            && !matches!(
                earlier.mnemonic(),
                Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Push | Mnemonic::Call | Mnemonic::Jmp
            )
    })
}

/// A jump through a table of the function's own blocks, as `match` becomes one: to a table's element, or to a sum with one.
fn is_table_jump(until: &[Instruction]) -> bool {
    let Some((jump, before)) = until.split_last() else { return false };
    if jump.op0_kind() == OpKind::Memory {
        return jump.memory_index() != Register::None;
    }
    let is_element = |load: &Instruction| {
        matches!(load.mnemonic(), Mnemonic::Movsxd | Mnemonic::Mov)
            && load.op1_kind() == OpKind::Memory
            && load.memory_index() != Register::None
            && matches!(load.memory_index_scale(), 4 | 8)
    };
    last_write(before, jump.op0_register()).is_some_and(|last| match last.mnemonic() {
        Mnemonic::Add => before.iter().rev().take(WINDOW).any(is_element),
        _ => is_element(last),
    })
}

/// corosensei's `switch_yield`: the address to go on at is pushed (`lea rax, [rip + ..]; push rax`), the stack pointer comes out of memory, and a
/// `ret` or `jmp` leaves. The compiler can put nothing between these; the registers it chose may change with corosensei's versions.
fn switches(function: &Function<'_>, instructions: &[Instruction]) -> Vec<InlineSwitch> {
    let mut found = Vec::new();
    for (index, load) in instructions.iter().enumerate() {
        let loads_stack_pointer = load.code() == Opcode::Mov_r64_rm64
            && load.op0_register() == Register::RSP
            && load.op1_kind() == OpKind::Memory
            && !matches!(load.memory_base(), Register::RSP | Register::RBP);
        if !loads_stack_pointer {
            continue;
        }
        let before = &instructions[index.saturating_sub(WINDOW)..index];
        let resume = before.windows(2).rev().find_map(|pair| {
            let pushed = pair[1].mnemonic() == Mnemonic::Push && pair[1].op0_register() == pair[0].op0_register();
            address_taken(&pair[0]).filter(|to| pushed && function.contains(*to))
        });
        let leave = instructions[index..].iter().take(WINDOW).find(|instruction| {
            matches!(instruction.flow_control(), FlowControl::Return | FlowControl::IndirectBranch)
        });
        if let (Some(resume), Some(leave)) = (resume, leave) {
            found.push(InlineSwitch { leave: leave.ip(), resume });
        }
    }
    found
}

//! What one instruction does to what is known. Calls, jumps and returns are the walk's.

use super::state::State;
use super::value::{At, Origin, Shape, Value};
use super::{UseKind, Walked};
use crate::code::reads_thread_pointer;
use iced_x86::{
    Instruction, InstructionInfo, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register, UsedMemory,
};

/// Carries an instruction out on `state`, and notes in `walked` what it does with stale addresses.
pub(crate) fn step(
    instruction: &Instruction,
    at: At,
    infos: &mut InstructionInfoFactory,
    state: &mut State,
    walked: &mut Walked,
) {
    let info = infos.info(instruction);
    for memory in info.used_memory() {
        let kind = match memory.access() {
            OpAccess::Read | OpAccess::CondRead => UseKind::Read,
            OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite => UseKind::Written,
            _ => continue,
        };
        let address = state.get(memory.base()).join(state.get(memory.index()));
        if let (Shape::Thread(distance), Some((computed, _))) = (state.get(memory.base()).shape, address.origin.stale)
            && memory.index() == Register::None
        {
            walked.name_variable(computed, distance.wrapping_add(memory.displacement() as i64));
        }
        walked.use_of(address.origin, at, kind);
    }
    match instruction.mnemonic() {
        Mnemonic::Push => push(instruction, state),
        Mnemonic::Pop => pop(instruction, state),
        Mnemonic::Leave => {
            let frame = state.get(Register::RBP);
            state.set(Register::RSP, frame);
            let saved = slot_value(state, frame);
            state.set(Register::RBP, saved);
            let frame = state.get(Register::RSP).plus(8);
            state.set(Register::RSP, frame);
        }
        Mnemonic::Lea => {
            let mut value = address(instruction, state);
            if let (Shape::Thread(distance), Some(_)) = (value.shape, value.origin.fresh) {
                // Several variables may be addressed by one copy of the thread pointer: each has an origin of its own.
                value.origin = Origin::computed(at);
                walked.name_variable(at, distance);
            }
            state.set(instruction.op0_register(), value);
        }
        Mnemonic::Xchg if instruction.op0_kind() == OpKind::Register && instruction.op1_kind() == OpKind::Register => {
            let (one, other) = (state.get(instruction.op0_register()), state.get(instruction.op1_register()));
            state.set(instruction.op0_register(), other);
            state.set(instruction.op1_register(), one);
        }
        _ if reads_thread_pointer(instruction) => {
            let shape = if instruction.mnemonic() == Mnemonic::Add { Shape::Unknown } else { Shape::Thread(0) };
            state.set(instruction.op0_register(), Value { shape, origin: Origin::computed(at) });
        }
        _ => {
            let written = match instruction.op0_kind() {
                OpKind::Register if instruction.op0_register().is_gpr64() => to_register(instruction, state),
                OpKind::Memory => {
                    to_memory(instruction, info, at, state, walked);
                    None
                }
                _ => None,
            };
            overwrite(info, state);
            if let Some(value) = written {
                state.set(instruction.op0_register(), value);
            }
        }
    }
}

/// The value of an instruction that computes an address, or copies one, in a general register.
fn to_register(instruction: &Instruction, state: &State) -> Option<Value> {
    let old = state.get(instruction.op0_register());
    let mnemonic = instruction.mnemonic();
    let value = match mnemonic {
        Mnemonic::Mov => operand(instruction, 1, state),
        Mnemonic::Movsxd => match indexed_table(instruction, state, 4) {
            Some(table) => Value::shaped(Shape::Distance(table)),
            None => Value::default(),
        },
        Mnemonic::Add => match immediate(instruction) {
            Some(number) => old.plus(number),
            None => old.add(operand(instruction, 1, state)),
        },
        Mnemonic::Sub => match immediate(instruction) {
            Some(number) => old.plus(number.wrapping_neg()),
            // The distance of two addresses is none.
            None if operand(instruction, 1, state).origin.is_none() => Value::from(old.origin),
            None => Value::default(),
        },
        Mnemonic::Inc => old.plus(1),
        Mnemonic::Dec => old.plus(-1),
        Mnemonic::And => Value { shape: aligned(old.shape, immediate(instruction)), origin: old.origin },
        Mnemonic::Or => Value::from(old.origin.join(operand(instruction, 1, state).origin)),
        Mnemonic::Movq | Mnemonic::Vmovq | Mnemonic::Pextrq | Mnemonic::Vpextrq => {
            Value::from(state.origin(instruction.op1_register()))
        }
        _ if is_conditional_move(mnemonic) => old.join(operand(instruction, 1, state)),
        _ => return None,
    };
    Some(value)
}

fn is_conditional_move(mnemonic: Mnemonic) -> bool {
    use Mnemonic::*;
    matches!(
        mnemonic,
        Cmova
            | Cmovae
            | Cmovb
            | Cmovbe
            | Cmove
            | Cmovg
            | Cmovge
            | Cmovl
            | Cmovle
            | Cmovne
            | Cmovno
            | Cmovnp
            | Cmovns
            | Cmovo
            | Cmovp
            | Cmovs
    )
}

/// A store: into the frame it is followed, elsewhere a stale address has got away.
fn to_memory(instruction: &Instruction, info: &InstructionInfo, at: At, state: &mut State, walked: &mut Walked) {
    let Some(memory) = info.used_memory().first() else { return };
    if !matches!(memory.access(), OpAccess::Write | OpAccess::ReadWrite | OpAccess::CondWrite | OpAccess::ReadCondWrite)
    {
        return;
    }
    let size = memory.memory_size().size();
    let copies =
        instruction.op_count() == 2 && instruction.op1_kind() == OpKind::Register && memory.access() == OpAccess::Write;
    let value = match instruction.op1_register() {
        _ if !copies => Value::default(),
        source if source.is_gpr64() => state.get(source),
        source => Value::from(state.origin(source)),
    };
    match place(memory, state) {
        Some(offset) => state.store(offset, size, value),
        None if matches!(state.get(memory.base()).shape, Shape::Stack(_)) => {}
        None => walked.use_of(value.origin, at, UseKind::Stored),
    }
}

/// Every register that is written gets a value of which only the vectors keep a trace: they may be several words.
fn overwrite(info: &InstructionInfo, state: &mut State) {
    let reads =
        |access| matches!(access, OpAccess::Read | OpAccess::CondRead | OpAccess::ReadWrite | OpAccess::ReadCondWrite);
    let writes = |access| {
        matches!(access, OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite)
    };
    let mut sources = Origin::default();
    if info.used_registers().iter().any(|used| writes(used.access()) && used.register().is_vector_register()) {
        for used in info.used_registers().iter().filter(|used| reads(used.access())) {
            // Registers that only address memory are no source.
            let addresses =
                info.used_memory().iter().any(|memory| [memory.base(), memory.index()].contains(&used.register()));
            if !addresses {
                sources = sources.join(state.origin(used.register()));
            }
        }
        for memory in info.used_memory().iter().filter(|memory| reads(memory.access())) {
            if let Some(offset) = place(memory, state) {
                sources = sources.join(state.load_origin(offset, memory.memory_size().size()));
            }
        }
    }
    for used in info.used_registers().iter().filter(|used| writes(used.access())) {
        state.set(
            used.register(),
            Value::from(if used.register().is_vector_register() { sources } else { Origin::default() }),
        );
    }
}

/// The place in the frame that a memory operand is.
fn place(memory: &UsedMemory, state: &State) -> Option<i64> {
    if memory.index() != Register::None || matches!(memory.segment(), Register::FS | Register::GS) {
        return None;
    }
    match state.get(memory.base()).shape {
        Shape::Stack(offset) => Some(offset.wrapping_add(memory.displacement() as i64)),
        _ => None,
    }
}

fn operand(instruction: &Instruction, number: u32, state: &State) -> Value {
    match instruction.op_kind(number) {
        OpKind::Register => state.get(instruction.op_register(number)),
        OpKind::Memory if matches!(instruction.segment_prefix(), Register::FS | Register::GS) => Value::default(),
        OpKind::Memory => match indexed_table(instruction, state, 8) {
            Some(table) => Value::shaped(Shape::Address(table)),
            None if instruction.memory_index() == Register::None && instruction.memory_size().size() == 8 => {
                slot_value(state, state.get(instruction.memory_base()).plus(instruction.memory_displacement64() as i64))
            }
            None => Value::default(),
        },
        _ => Value::default(),
    }
}

fn slot_value(state: &State, address: Value) -> Value {
    match address.shape {
        Shape::Stack(offset) => state.load(offset),
        _ => Value::default(),
    }
}

/// The table that a load of elements of this size reads from: `[table + index * size]`.
pub(super) fn indexed_table(instruction: &Instruction, state: &State, size: u32) -> Option<u64> {
    if instruction.op_count() == 0
        || instruction.memory_index() == Register::None
        || instruction.memory_index_scale() != size
    {
        return None;
    }
    match (instruction.memory_base(), state.get(instruction.memory_base()).shape) {
        (Register::None, _) => Some(instruction.memory_displacement64()),
        (_, Shape::Image(table)) => Some(table.wrapping_add(instruction.memory_displacement64())),
        _ => None,
    }
}

fn address(instruction: &Instruction, state: &State) -> Value {
    if instruction.is_ip_rel_memory_operand() {
        return Value::shaped(Shape::Image(instruction.ip_rel_memory_address()));
    }
    let base = state.get(instruction.memory_base());
    match instruction.memory_index() {
        Register::None => base.plus(instruction.memory_displacement64() as i64),
        index => base.add(state.get(index)),
    }
}

fn immediate(instruction: &Instruction) -> Option<i64> {
    matches!(instruction.op1_kind(), OpKind::Immediate8to64 | OpKind::Immediate32to64 | OpKind::Immediate64)
        .then(|| instruction.immediate(1) as i64)
}

/// A frame whose start is rounded down. On entry the stack pointer is eight below a multiple of sixteen; that it is one of a larger power of
/// two is made up, and does no harm: what lies above the rounding is addressed by another register.
fn aligned(shape: Shape, mask: Option<i64>) -> Shape {
    match (shape, mask) {
        (Shape::Stack(offset), Some(mask)) if mask < 0 => Shape::Stack((offset.wrapping_sub(8) & mask).wrapping_add(8)),
        _ => Shape::Unknown,
    }
}

fn push(instruction: &Instruction, state: &mut State) {
    let value = match instruction.op0_kind() {
        OpKind::Register | OpKind::Memory => operand(instruction, 0, state),
        _ => Value::default(),
    };
    let top = state.get(Register::RSP).plus(-8);
    state.set(Register::RSP, top);
    if let Shape::Stack(offset) = top.shape {
        state.store(offset, 8, value);
    }
}

fn pop(instruction: &Instruction, state: &mut State) {
    let top = state.get(Register::RSP);
    let value = slot_value(state, top);
    state.set(Register::RSP, top.plus(8));
    if instruction.op0_kind() == OpKind::Register {
        state.set(instruction.op0_register(), value);
    }
}

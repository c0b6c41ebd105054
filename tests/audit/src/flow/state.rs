//! What is known at one place of a function: every register, and the words of the frame.

use super::value::{At, Origin, Shape, Value};
use iced_x86::Register;

/// The registers that hold arguments, in their order (System V ABI).
pub(crate) const ARGUMENTS: [Register; 6] =
    [Register::RDI, Register::RSI, Register::RDX, Register::RCX, Register::R8, Register::R9];

/// The registers that a call may overwrite.
const CLOBBERED: [Register; 9] = [
    Register::RAX,
    Register::RCX,
    Register::RDX,
    Register::RSI,
    Register::RDI,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
];

const VECTORS: usize = 32;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct State {
    general: [Value; 16],
    /// Vector registers carry addresses when the compiler copies two words at once.
    vectors: [Origin; VECTORS],
    /// Words of the frame, by offset from the stack pointer on entry. What is not here is unknown.
    frame: Vec<(i64, Value)>,
}

impl State {
    /// On entry: the arguments, and the stack pointer.
    pub(crate) fn on_entry() -> State {
        let mut state = State { general: Default::default(), vectors: Default::default(), frame: Vec::new() };
        for (number, register) in ARGUMENTS.into_iter().enumerate() {
            state.set(register, Value::from(Origin::argument(number)));
        }
        state.set(Register::RSP, Value::shaped(Shape::Stack(0)));
        state
    }

    /// Of a register of the machine; of anything else, nothing.
    pub(crate) fn get(&self, register: Register) -> Value {
        if register.is_gpr64() { self.general[register.number() % 16] } else { Value::default() }
    }

    pub(crate) fn set(&mut self, register: Register, value: Value) {
        if register.is_gpr() {
            let full = register.full_register().number() % 16;
            // A narrow write leaves no address behind.
            self.general[full] = if register.is_gpr64() { value } else { Value::default() };
            if register.full_register() == Register::RSP {
                self.forget_below_stack();
            }
        } else if register.is_vector_register() {
            self.vectors[register.number() % VECTORS] = value.origin;
        }
    }

    pub(crate) fn origin(&self, register: Register) -> Origin {
        if register.is_vector_register() {
            self.vectors[register.number() % VECTORS]
        } else {
            self.get(register).origin
        }
    }

    pub(crate) fn load(&self, offset: i64) -> Value {
        match self.frame.binary_search_by_key(&offset, |&(at, _)| at) {
            Ok(index) => self.frame[index].1,
            Err(_) => Value::default(),
        }
    }

    /// Everything that touches the `size` bytes from `offset` on.
    pub(crate) fn load_origin(&self, offset: i64, size: usize) -> Origin {
        self.touched(offset, size).map(|index| self.frame[index].1.origin).fold(Origin::default(), Origin::join)
    }

    pub(crate) fn store(&mut self, offset: i64, size: usize, value: Value) {
        let touched = self.touched(offset, size);
        self.frame.drain(touched);
        if value.is_nothing() {
            return;
        }
        for word in 0..size / 8 {
            // Of a vector each word may be the address.
            let value = if size == 8 { value } else { Value::from(value.origin) };
            let at = offset.wrapping_add(8 * word as i64);
            if let Err(index) = self.frame.binary_search_by_key(&at, |&(at, _)| at) {
                self.frame.insert(index, (at, value));
            }
        }
    }

    fn touched(&self, offset: i64, size: usize) -> std::ops::Range<usize> {
        let end = offset.saturating_add(size as i64);
        let first = self.frame.partition_point(|&(at, _)| at.saturating_add(8) <= offset);
        let last = self.frame.partition_point(|&(at, _)| at < end);
        first..last.max(first)
    }

    /// What lies below the stack pointer is nobody's.
    fn forget_below_stack(&mut self) {
        if let Shape::Stack(top) = self.get(Register::RSP).shape {
            let kept = self.frame.partition_point(|&(at, _)| at < top);
            self.frame.drain(..kept);
        }
    }

    /// Everything that is known has outlived a call which can reach the switch.
    pub(crate) fn switch(&mut self, call: At) {
        for value in self.general.iter_mut().chain(self.frame.iter_mut().map(|(_, value)| value)) {
            value.origin = value.origin.after_switch(call);
        }
        for origin in &mut self.vectors {
            *origin = origin.after_switch(call);
        }
    }

    /// What a call leaves of the registers.
    pub(crate) fn clobber(&mut self) {
        for register in CLOBBERED {
            self.set(register, Value::default());
        }
        self.vectors = Default::default();
    }

    /// What inline assembly leaves that changes every register but the stack pointer: corosensei's switch.
    pub(crate) fn clobber_all(&mut self) {
        self.general = Default::default();
        self.vectors = Default::default();
    }

    /// Takes in what is known on another way to the same place. True: that was news.
    pub(crate) fn join(&mut self, other: &State) -> bool {
        let before = self.clone();
        for (value, other) in self.general.iter_mut().zip(&other.general) {
            *value = value.join(*other);
        }
        for (origin, other) in self.vectors.iter_mut().zip(&other.vectors) {
            *origin = origin.join(*other);
        }
        if self.frame != other.frame {
            let mut frame = Vec::with_capacity(self.frame.len().max(other.frame.len()));
            let (mut ours, mut theirs) = (self.frame.iter().peekable(), other.frame.iter().peekable());
            loop {
                let at = match (ours.peek(), theirs.peek()) {
                    (Some(&&(one, _)), Some(&&(other, _))) => one.min(other),
                    (Some(&&(at, _)), None) | (None, Some(&&(at, _))) => at,
                    (None, None) => break,
                };
                let one = ours.next_if(|(here, _)| *here == at).map_or(Value::default(), |(_, value)| *value);
                let other = theirs.next_if(|(here, _)| *here == at).map_or(Value::default(), |(_, value)| *value);
                let value = one.join(other);
                if !value.is_nothing() {
                    frame.push((at, value));
                }
            }
            self.frame = frame;
        }
        *self != before
    }
}

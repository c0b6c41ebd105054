//! What is known of a register, or of a word of the frame.

/// An instruction, as its distance from the function's start.
pub(crate) type At = u32;

/// A set of the six argument registers, by number.
pub(crate) type Arguments = u8;

/// What a word is, as far as the analysis needs it exactly.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Shape {
    #[default]
    Unknown,
    /// The stack pointer on entry plus this.
    Stack(i64),
    /// An address in the file.
    Image(u64),
    /// What was read from a table of 32-bit jump distances that begins at this address.
    Distance(u64),
    /// The same, added to the table's address: the block to jump to.
    Block(u64),
    /// What was read from a table of 64-bit addresses of blocks.
    Address(u64),
    /// The thread pointer plus this.
    Thread(i64),
}

/// Where a word comes from, as far as threads are concerned.
///
/// A join takes the smaller of two positions, so that a word needs constant space and the analysis ends; a report then names one of
/// several ways to the same fault.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Origin {
    /// The instruction that computed a thread-local's address, no switch since.
    pub(crate) fresh: Option<At>,
    /// The same and a call since then that can reach the switch: it may be another thread's.
    pub(crate) stale: Option<(At, At)>,
    /// Arguments of the function that it may be derived from, no switch since.
    pub(crate) arguments: Arguments,
    /// The same, and the call since then.
    pub(crate) stale_arguments: Option<(Arguments, At)>,
}

impl Origin {
    pub(crate) fn computed(at: At) -> Origin {
        Origin { fresh: Some(at), ..Origin::default() }
    }

    pub(crate) fn argument(number: usize) -> Origin {
        Origin { arguments: 1 << number, ..Origin::default() }
    }

    pub(crate) fn is_none(&self) -> bool {
        *self == Origin::default()
    }

    /// As it is after a call that can reach the switch.
    pub(crate) fn after_switch(self, call: At) -> Origin {
        let stale = self.fresh.map(|computed| (computed, call));
        let stale_arguments = (self.arguments != 0).then_some((self.arguments, call));
        Origin {
            fresh: None,
            stale: smaller(self.stale, stale),
            arguments: 0,
            stale_arguments: union(self.stale_arguments, stale_arguments),
        }
    }

    pub(crate) fn join(self, other: Origin) -> Origin {
        Origin {
            fresh: smaller(self.fresh, other.fresh),
            stale: smaller(self.stale, other.stale),
            arguments: self.arguments | other.arguments,
            stale_arguments: union(self.stale_arguments, other.stale_arguments),
        }
    }
}

fn smaller<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, None) => one,
        (None, other) => other,
    }
}

fn union(one: Option<(Arguments, At)>, other: Option<(Arguments, At)>) -> Option<(Arguments, At)> {
    match (one, other) {
        (Some((one, at)), Some((other, other_at))) => Some((one | other, at.min(other_at))),
        (one, None) => one,
        (None, other) => other,
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Value {
    pub(crate) shape: Shape,
    pub(crate) origin: Origin,
}

impl Value {
    pub(crate) fn shaped(shape: Shape) -> Value {
        Value { shape, origin: Origin::default() }
    }

    pub(crate) fn from(origin: Origin) -> Value {
        Value { shape: Shape::Unknown, origin }
    }

    /// Nothing is known of it that anybody will ask for.
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Value::default()
    }

    pub(crate) fn join(self, other: Value) -> Value {
        let shape = if self.shape == other.shape { self.shape } else { Shape::Unknown };
        Value { shape, origin: self.origin.join(other.origin) }
    }

    /// With a constant added.
    pub(crate) fn plus(self, number: i64) -> Value {
        let shape = match self.shape {
            Shape::Stack(offset) => Shape::Stack(offset.wrapping_add(number)),
            Shape::Image(address) => Shape::Image(address.wrapping_add_signed(number)),
            Shape::Thread(offset) => Shape::Thread(offset.wrapping_add(number)),
            _ if number == 0 => self.shape,
            _ => Shape::Unknown,
        };
        Value { shape, ..self }
    }

    /// With another value added.
    pub(crate) fn add(self, other: Value) -> Value {
        let shape = match (self.shape, other.shape) {
            (Shape::Distance(table), Shape::Image(base)) | (Shape::Image(base), Shape::Distance(table))
                if table == base =>
            {
                Shape::Block(table)
            }
            _ => Shape::Unknown,
        };
        Value { shape, origin: self.origin.join(other.origin) }
    }
}

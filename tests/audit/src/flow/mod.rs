//! One function: where it computes addresses of thread-locals, and where they are used after a switch.
//!
//! A forward analysis over the function's control flow. For each place it knows of every register and of every word of the frame which
//! thread-local's address it may be derived from, and whether a call that can reach the switch lies between ([`value`]). Where ways meet
//! the sets are joined; it walks until nothing changes, then once more to write down the uses.

mod state;
mod step;
#[cfg(test)]
mod tests;
pub(crate) mod value;

use crate::code::{Code, Target, address_taken};
use crate::image::{CallSite, Callee, Word};
use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpKind, Register};
use state::{ARGUMENTS, State};
use std::collections::{BTreeMap, BTreeSet};
use value::{Arguments, At, Origin, Shape, Value};

/// A table of jumps is not read further than this.
const LONGEST_TABLE: usize = 4096;

/// How often each block may be walked, on average, before the function is given up. The analysis ends by itself; the bound is for input that
/// was made to take long.
const PATIENCE: usize = 100;

/// What is done with an address that may be another thread's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum UseKind {
    Read,
    Written,
    /// Given to a function.
    Passed,
    /// Written to memory outside the frame.
    Stored,
    Returned,
    /// A callee was given the address and uses it after its own switch.
    Within,
}

pub(crate) type Uses = BTreeSet<(At, UseKind)>;

/// One fault: computed here, held over this call, used there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    pub(crate) computed: At,
    pub(crate) call: At,
    pub(crate) uses: Uses,
    /// For `UseKind::Within`: the argument that carries the address.
    pub(crate) argument: Option<usize>,
}

/// The registers that results are in. One of them may hold something that is none; callers then do not read it.
const RESULTS: [Register; 2] = [Register::RAX, Register::RDX];

/// What a result register may hold.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Gives {
    /// The address of a thread-local.
    pub(crate) address: bool,
    /// Something derived from these arguments.
    pub(crate) arguments: Arguments,
}

/// The second result register, where it is a result: most functions have one, or none, and leave behind in it what they had there. It is
/// taken for one where the first one is an address as well, as those of a `Ref` are, and where it is not the third argument, untouched.
fn deliberate(first: Origin, second: Origin) -> Origin {
    if first.is_none() {
        return Origin::default();
    }
    Origin { arguments: second.arguments & !(1 << 2), ..second }
}

/// What callers need to know of a function.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Summary {
    /// Of each result register.
    pub(crate) returns: [Gives; 2],
    /// For each argument whether, and how, it is used after a switch of the function's own.
    pub(crate) uses: [Option<ArgumentUse>; 6],
}

/// The first use of an argument after a switch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct ArgumentUse {
    pub(crate) call: At,
    pub(crate) at: At,
    pub(crate) kind: UseKind,
    /// For `UseKind::Within`: the argument of the callee that carries it on.
    pub(crate) argument: Option<usize>,
}

/// What the analysis asks about the world outside the function.
pub(crate) trait World<'data> {
    fn word(&self, address: u64) -> Option<Word<'data>>;
    fn offset(&self, address: u64) -> Option<i32>;
    /// Whether a call may come back on another thread.
    fn reaches_switch(&self, target: Target<'data>) -> bool;
    /// What is known of a callee; `asked` tells which arguments matter.
    fn summary(&mut self, target: Target<'data>, asked: Arguments) -> Summary;
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Outcome {
    pub(crate) faults: Vec<Fault>,
    pub(crate) summary: Summary,
    /// For the instructions that compute addresses: how far from the thread pointer what they address lies.
    pub(crate) distances: BTreeMap<At, BTreeSet<i64>>,
    /// A jump through a register whose table was not found.
    pub(crate) lost: bool,
    /// It took too long.
    pub(crate) given_up: bool,
}

/// Collects uses during a walk.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// By where the address is computed, the call, and the argument that carries it.
    uses: BTreeMap<(At, At, Option<usize>), Uses>,
    summary: Summary,
    distances: BTreeMap<At, BTreeSet<i64>>,
    lost: bool,
}

impl Walked {
    fn use_of(&mut self, origin: Origin, at: At, kind: UseKind) {
        if let Some((computed, call)) = origin.stale {
            self.uses.entry((computed, call, None)).or_default().insert((at, kind));
        }
        if let Some((arguments, call)) = origin.stale_arguments {
            self.argument_used(arguments, ArgumentUse { call, at, kind, argument: None });
        }
    }

    fn argument_used(&mut self, arguments: Arguments, this: ArgumentUse) {
        for (number, used) in self.summary.uses.iter_mut().enumerate() {
            if arguments & 1 << number != 0 {
                *used = Some(used.map_or(this, |before| before.min(this)));
            }
        }
    }

    fn returned(&mut self, [first, second]: [Origin; 2]) {
        let results = [first, deliberate(first, second)];
        for (returned, origin) in self.summary.returns.iter_mut().zip(results) {
            returned.address |= origin.fresh.is_some();
            returned.arguments |= origin.arguments;
        }
    }

    fn name_variable(&mut self, computed: At, distance: i64) {
        self.distances.entry(computed).or_default().insert(distance);
    }
}

/// Follows addresses of thread-locals through a function.
pub(crate) fn analyse<'data>(code: &Code<'data>, call_sites: &[CallSite], world: &mut impl World<'data>) -> Outcome {
    let Some(first) = code.instructions.first() else { return Outcome::default() };
    let mut walk = Walk {
        code,
        call_sites,
        world,
        start: first.ip(),
        infos: InstructionInfoFactory::new(),
        leaders: leaders(code, call_sites),
        borders: code.instructions.iter().filter_map(address_taken).collect(),
        states: BTreeMap::new(),
        open: BTreeSet::new(),
        found: BTreeSet::new(),
    };
    walk.run()
}

/// Where blocks begin.
fn leaders(code: &Code<'_>, call_sites: &[CallSite]) -> BTreeSet<usize> {
    let mut leaders = BTreeSet::from([0]);
    for (index, instruction) in code.instructions.iter().enumerate() {
        match instruction.flow_control() {
            FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch => {
                leaders.extend(code.index_of(instruction.near_branch_target()));
                leaders.insert(index + 1);
            }
            FlowControl::Return | FlowControl::IndirectBranch => {
                leaders.insert(index + 1);
            }
            _ => {}
        }
    }
    leaders.extend(call_sites.iter().filter_map(|site| code.index_of(site.pad)));
    leaders.extend(code.switches.iter().filter_map(|switch| code.index_of(switch.resume)));
    leaders
}

struct Walk<'a, 'data, W> {
    code: &'a Code<'data>,
    call_sites: &'a [CallSite],
    world: &'a mut W,
    start: u64,
    infos: InstructionInfoFactory,
    leaders: BTreeSet<usize>,
    /// Where pieces of data begin that the function refers to: a table ends there at the latest.
    borders: BTreeSet<u64>,
    states: BTreeMap<usize, State>,
    open: BTreeSet<usize>,
    /// Blocks that only a table leads to, found during this round.
    found: BTreeSet<usize>,
}

impl<'data, W: World<'data>> Walk<'_, 'data, W> {
    fn run(&mut self) -> Outcome {
        loop {
            let given_up = !self.settle();
            if !given_up && !self.found.is_empty() {
                // The blocks that these cut in two were walked as one.
                self.leaders.append(&mut self.found);
                continue;
            }
            let mut walked = Walked::default();
            for leader in self.states.keys().copied().collect::<Vec<_>>() {
                self.block(leader, &mut walked);
            }
            let faults = walked
                .uses
                .into_iter()
                .map(|((computed, call, argument), uses)| Fault { computed, call, uses, argument })
                .collect();
            return Outcome {
                faults,
                summary: walked.summary,
                distances: walked.distances,
                lost: walked.lost,
                given_up,
            };
        }
    }

    /// Walks until nothing changes. False: that took too long.
    fn settle(&mut self) -> bool {
        self.states = BTreeMap::from([(0, State::on_entry())]);
        self.open = BTreeSet::from([0]);
        let mut left = PATIENCE * (self.leaders.len() + 10);
        let mut scratch = Walked::default();
        while let Some(leader) = self.open.pop_first() {
            if left == 0 {
                return false;
            }
            left -= 1;
            self.block(leader, &mut scratch);
        }
        true
    }

    fn at(&self, instruction: &Instruction) -> At {
        // Functions are shorter than 4 GiB: their section is.
        (instruction.ip() - self.start) as At
    }

    /// From a leader to the end of its block.
    fn block(&mut self, leader: usize, walked: &mut Walked) {
        let Some(mut state) = self.states.get(&leader).cloned() else { return };
        let code = self.code;
        let mut index = leader;
        while let Some(instruction) = code.instructions.get(index) {
            if index != leader && self.leaders.contains(&index) {
                return self.flow(index, &state);
            }
            if instruction.is_invalid() || !self.one(index, instruction, &mut state, walked) {
                return;
            }
            index += 1;
        }
    }

    /// Carries out one instruction. False: control does not go on behind it.
    fn one(&mut self, index: usize, instruction: &Instruction, state: &mut State, walked: &mut Walked) -> bool {
        let at = self.at(instruction);
        if let Some(switch) = self.code.switches.iter().find(|switch| switch.leave == instruction.ip()) {
            self.inline_switch(switch.resume, state, at);
            return false;
        }
        match instruction.flow_control() {
            FlowControl::Call | FlowControl::IndirectCall if instruction.mnemonic() == Mnemonic::Call => {
                self.use_operands(instruction, at, state, walked);
                self.call(index, instruction, at, state, walked);
                true
            }
            FlowControl::UnconditionalBranch => {
                self.jump(index, instruction, at, state, walked);
                false
            }
            FlowControl::ConditionalBranch => {
                self.jump(index, instruction, at, state, walked);
                self.know_more_behind(index, instruction, state);
                true
            }
            FlowControl::IndirectBranch => {
                self.use_operands(instruction, at, state, walked);
                match self.table(instruction, state) {
                    Some(blocks) => {
                        for block in blocks {
                            if !self.leaders.contains(&block) {
                                self.found.insert(block);
                            }
                            self.flow(block, state);
                        }
                    }
                    None => self.jump(index, instruction, at, state, walked),
                }
                false
            }
            FlowControl::Return => {
                self.leave(state, at, walked);
                false
            }
            FlowControl::Exception => false,
            FlowControl::Interrupt => instruction.mnemonic() != Mnemonic::Int3,
            _ => {
                step::step(instruction, at, &mut self.infos, state, walked);
                true
            }
        }
    }

    /// Takes a state to the start of a block.
    fn flow(&mut self, leader: usize, state: &State) {
        let news = match self.states.get_mut(&leader) {
            Some(known) => known.join(state),
            None => {
                self.states.insert(leader, state.clone());
                true
            }
        };
        if news {
            self.open.insert(leader);
        }
    }

    /// A jump within the function, or out of it, which is a call that returns for us.
    fn jump(&mut self, index: usize, instruction: &Instruction, at: At, state: &State, walked: &mut Walked) {
        let near = matches!(instruction.op0_kind(), OpKind::NearBranch64 | OpKind::NearBranch32 | OpKind::NearBranch16);
        if near && let Some(target) = self.code.index_of(instruction.near_branch_target()) {
            return self.flow(target, state);
        }
        match self.code.target(index) {
            Some(target) => {
                let results = self.hand_over(target, at, state, walked);
                walked.returned(results);
            }
            None => walked.lost = true,
        }
    }

    /// `cmp rsp, r11; jne` ends the loop that touches the pages of a large frame: behind it the stack pointer is known again.
    fn know_more_behind(&self, index: usize, instruction: &Instruction, state: &mut State) {
        let Some(compare) = index.checked_sub(1).map(|before| &self.code.instructions[before]) else { return };
        if instruction.mnemonic() == Mnemonic::Jne
            && compare.mnemonic() == Mnemonic::Cmp
            && compare.op0_kind() == OpKind::Register
            && compare.op0_register() == Register::RSP
            && compare.op1_kind() == OpKind::Register
        {
            let known = state.get(compare.op1_register());
            if let Shape::Stack(_) = known.shape {
                state.set(Register::RSP, known);
            }
        }
    }

    /// A pointer to a function that is read through a stale address.
    fn use_operands(&self, instruction: &Instruction, at: At, state: &State, walked: &mut Walked) {
        if instruction.op0_kind() == OpKind::Memory {
            let origin = state.get(instruction.memory_base()).origin.join(state.get(instruction.memory_index()).origin);
            walked.use_of(origin, at, UseKind::Read);
        }
    }

    fn call(&mut self, index: usize, instruction: &Instruction, at: At, state: &mut State, walked: &mut Walked) {
        if self.is_descriptor(instruction, state) {
            // A thread-local's descriptor is called by a convention of its own: it changes rax only.
            return state.set(Register::RAX, Value::from(Origin::computed(at)));
        }
        let target = self.code.target(index).unwrap_or(Target::Pointer);
        let results = self.hand_over(target, at, state, walked);
        if self.world.reaches_switch(target) {
            state.switch(at);
        }
        state.clobber();
        // What the callee had on its own stack is gone.
        let top = state.get(Register::RSP);
        state.set(Register::RSP, top);
        self.unwind(instruction.ip(), state);
        for (register, origin) in RESULTS.into_iter().zip(results) {
            state.set(register, Value::from(origin));
        }
    }

    fn is_descriptor(&self, instruction: &Instruction, state: &State) -> bool {
        if instruction.op0_kind() != OpKind::Memory || instruction.memory_index() != Register::None {
            return false;
        }
        match state.get(instruction.memory_base()).plus(instruction.memory_displacement64() as i64).shape {
            Shape::Image(address) => self.world.word(address) == Some(Word::ThreadLocalDescriptor),
            _ => false,
        }
    }

    /// Gives the arguments to a callee. Returns what the results are derived from.
    fn hand_over(&mut self, target: Target<'data>, at: At, state: &State, walked: &mut Walked) -> [Origin; 2] {
        let given = ARGUMENTS.map(|register| state.get(register).origin);
        let mut asked = 0;
        for (number, origin) in given.iter().enumerate() {
            walked.use_of(*origin, at, UseKind::Passed);
            asked |= Arguments::from(origin.fresh.is_some() || origin.arguments != 0) << number;
        }
        let summary = self.world.summary(target, asked);
        for (number, origin) in given.iter().enumerate() {
            if let (Some(computed), Shape::Thread(distance)) = (origin.fresh, state.get(ARGUMENTS[number]).shape) {
                walked.name_variable(computed, distance);
            }
            if summary.uses[number].is_some() {
                if let Some(computed) = origin.fresh {
                    walked.uses.entry((computed, at, Some(number))).or_default().insert((at, UseKind::Within));
                }
                let within = ArgumentUse { call: at, at, kind: UseKind::Within, argument: Some(number) };
                walked.argument_used(origin.arguments, within);
            }
        }
        summary.returns.map(|returned| {
            let own = if returned.address { Origin::computed(at) } else { Origin::default() };
            let derived = given.iter().enumerate().filter(|(number, _)| returned.arguments & 1 << number != 0);
            derived.fold(own, |result, (_, origin)| result.join(*origin))
        })
    }

    /// Takes what is known after a call to its landing pad.
    fn unwind(&mut self, call: u64, state: &State) {
        let Some(site) = self.call_sites.iter().find(|site| site.calls.contains(&call)) else { return };
        if let Some(pad) = self.code.index_of(site.pad) {
            self.flow(pad, state);
        }
    }

    /// corosensei's assembly: everything that is kept lies on the stack, whose pointer comes back in rdx.
    fn inline_switch(&mut self, resume: u64, state: &mut State, at: At) {
        let saved = state.get(Register::RSI);
        state.switch(at);
        state.clobber_all();
        state.set(Register::RDX, Value::shaped(saved.shape));
        if let Some(resume) = self.code.index_of(resume) {
            self.flow(resume, state);
        }
    }

    fn leave(&self, state: &State, at: At, walked: &mut Walked) {
        let [first, second] = RESULTS.map(|register| state.get(register).origin);
        walked.use_of(first, at, UseKind::Returned);
        walked.use_of(deliberate(first, second), at, UseKind::Returned);
        walked.returned([first, second]);
    }

    /// The blocks that a jump through a table can lead to, if it is one.
    fn table(&self, instruction: &Instruction, state: &State) -> Option<BTreeSet<usize>> {
        let shape = match instruction.op0_kind() {
            OpKind::Register => state.get(instruction.op0_register()).shape,
            _ => step::indexed_table(instruction, state, 8).map_or(Shape::Unknown, Shape::Address),
        };
        let (table, size) = match shape {
            Shape::Block(table) => (table, 4),
            Shape::Address(table) => (table, 8),
            _ => return None,
        };
        let mut blocks = BTreeSet::new();
        for entry in 0..LONGEST_TABLE {
            let address = table.wrapping_add((entry * size) as u64);
            if entry > 0 && self.borders.contains(&address) {
                break;
            }
            let to = match size {
                4 => self.world.offset(address).map(|distance| table.wrapping_add_signed(i64::from(distance))),
                _ => match self.world.word(address) {
                    Some(Word::Number(to)) => Some(to),
                    _ => None,
                },
            };
            // The first entry that leads nowhere in this function belongs to something else.
            match to.and_then(|to| self.code.index_of(to)) {
                Some(block) => blocks.insert(block),
                None => break,
            };
        }
        Some(blocks)
    }
}

impl<'data> Target<'data> {
    /// The function, if it is one of this file.
    pub(crate) fn function(self) -> Option<usize> {
        match self {
            Target::Known(Callee::Function(function)) => Some(function),
            _ => None,
        }
    }
}

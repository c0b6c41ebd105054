//! [`Select`]: a select whose number of arms is known at run time only.

use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::arm::{Arm, RecvArm, SendArm};
use super::engine::{self, Entry, Manner};
use super::error::{ReadyTimeoutError, SelectTimeoutError, TryReadyError, TrySelectError};
use crate::chan::error::{RecvError, SendError};
use crate::chan::{Receiver, Sender};

/// An arm that outlives one use of the [`Select`] it belongs to: a [`SelectedOperation`] may still have it when the next one begins.
trait Reusable<'a>: Arm {
    fn anew(&self) -> Rc<dyn Reusable<'a> + 'a>;
}

impl<'a, T> Reusable<'a> for RecvArm<'a, T> {
    fn anew(&self) -> Rc<dyn Reusable<'a> + 'a> {
        Rc::new(RecvArm::new(self.receiver()))
    }
}

impl<'a, T> Reusable<'a> for SendArm<'a, T> {
    fn anew(&self) -> Rc<dyn Reusable<'a> + 'a> {
        Rc::new(SendArm::new(self.sender()))
    }
}

struct Operation<'a> {
    arm: Rc<dyn Reusable<'a> + 'a>,
    kind: Kind,
    /// Of the sender or receiver the arm was made from.
    handle: *const (),
    number: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Send,
    Receive,
}

impl Entry for Operation<'_> {
    fn arm(&self) -> &dyn Arm {
        &*self.arm
    }

    fn number(&self) -> usize {
        self.number
    }
}

/// Waits for one of any number of channel operations: [`select!`](crate::select) where their number is known at run time only.
///
/// The interface is `crossbeam-channel`'s. Operations are added by [`send`](Self::send) and [`recv`](Self::recv), which number them. Then either
///
/// * [`select`](Self::select) and its forms choose one that can be done, a random one if several can, and the [`SelectedOperation`] has to be
///   completed by its [`send`](SelectedOperation::send) or [`recv`](SelectedOperation::recv); or
/// * [`ready`](Self::ready) and its forms name one that could be done at that moment, which is then to be tried; others may be quicker.
///
/// A `Select` may be used any number of times, on goroutines and on plain threads. An operation on a closed channel can always be done, with an
/// error as its result: [`remove`](Self::remove) takes it out. Each wait costs a visit to each of the channels, and allocates nothing.
///
/// ```
/// use threadle::chan::{Select, unbounded};
///
/// let channels: Vec<_> = (0..5).map(|_| unbounded()).collect();
/// channels[3].0.send("three").unwrap();
///
/// let mut select = Select::new();
/// for (_, receiver) in &channels {
///     select.recv(receiver);
/// }
/// let chosen = select.select();
/// assert_eq!(chosen.index(), 3);
/// assert_eq!(chosen.recv(&channels[3].1), Ok("three"));
/// ```
pub struct Select<'a> {
    operations: Vec<Operation<'a>>,
    next: usize,
    biased: bool,
}

impl<'a> Select<'a> {
    /// Without operations.
    ///
    /// ```
    /// assert!(threadle::chan::Select::new().try_select().is_err());
    /// ```
    pub fn new() -> Self {
        Select { operations: Vec::new(), next: 0, biased: false }
    }

    /// Without operations. Of several that can be done it chooses the one that was added first, as [`select_biased!`](crate::select_biased)
    /// does.
    ///
    /// ```
    /// use threadle::chan::{Select, bounded};
    /// let (sender, receiver) = bounded(1);
    /// let mut select = Select::new_biased();
    /// let first = select.send(&sender);
    /// select.recv(&receiver);
    /// let chosen = select.select();
    /// assert_eq!(chosen.index(), first);
    /// chosen.send(&sender, 1).unwrap();
    /// ```
    pub fn new_biased() -> Self {
        Select { biased: true, ..Self::new() }
    }

    /// Adds an operation that sends, and returns its number. Numbers begin at 0 and are not used again. Does not switch.
    ///
    /// What is said of [`select!`](crate::select#on-a-rendezvous-channel) and rendezvous channels holds here too.
    ///
    /// ```
    /// use threadle::chan::{Select, bounded};
    /// let (sender, receiver) = bounded(1);
    /// let mut select = Select::new();
    /// assert_eq!(select.send(&sender), 0);
    /// select.select().send(&sender, "sent").unwrap();
    /// assert_eq!(receiver.recv(), Ok("sent"));
    /// ```
    pub fn send<T>(&mut self, sender: &'a Sender<T>) -> usize {
        self.add(Rc::new(SendArm::new(sender)), Kind::Send, std::ptr::from_ref(sender).cast())
    }

    /// Adds an operation that receives, and returns its number. Numbers begin at 0 and are not used again. Does not switch.
    ///
    /// ```
    /// use threadle::chan::{Select, never, unbounded};
    /// let (sender, receiver) = unbounded();
    /// let nothing = never::<u8>();
    /// let mut select = Select::new();
    /// assert_eq!((select.recv(&nothing), select.recv(&receiver)), (0, 1));
    /// sender.send(7).unwrap();
    /// assert_eq!(select.select().recv(&receiver), Ok(7));
    /// ```
    pub fn recv<T>(&mut self, receiver: &'a Receiver<T>) -> usize {
        self.add(Rc::new(RecvArm::new(receiver)), Kind::Receive, std::ptr::from_ref(receiver).cast())
    }

    fn add(&mut self, arm: Rc<dyn Reusable<'a> + 'a>, kind: Kind, handle: *const ()) -> usize {
        let number = self.next;
        self.next += 1;
        self.operations.push(Operation { arm, kind, handle, number });
        number
    }

    /// Takes the operation of that number out. Does not switch.
    ///
    /// # Panics
    /// If there is none (any more).
    ///
    /// ```
    /// use threadle::chan::{Select, unbounded};
    /// let (first, second) = (unbounded::<u8>(), unbounded());
    /// drop(first.0); // from now on the first can always be done
    /// second.0.send(2).unwrap();
    /// let mut select = Select::new();
    /// let (closed, open) = (select.recv(&first.1), select.recv(&second.1));
    /// select.remove(closed);
    /// let chosen = select.select();
    /// assert_eq!(chosen.index(), open);
    /// assert_eq!(chosen.recv(&second.1), Ok(2));
    /// ```
    #[track_caller]
    pub fn remove(&mut self, index: usize) {
        let position = self.operations.iter().position(|operation| operation.number == index);
        // Not `swap_remove`: a biased select keeps the order.
        self.operations.remove(position.expect("an operation of this number"));
    }

    /// Chooses an operation that can be done without waiting.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// There is none.
    ///
    /// ```
    /// use threadle::chan::{Select, TrySelectError, unbounded};
    /// let (sender, receiver) = unbounded();
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert_eq!(select.try_select().err(), Some(TrySelectError));
    /// sender.send(1).unwrap();
    /// assert_eq!(select.try_select().unwrap().recv(&receiver), Ok(1));
    /// ```
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, TrySelectError> {
        self.choose(Manner::trying(self.biased)).ok_or(TrySelectError)
    }

    /// Waits until an operation can be done, and chooses it.
    ///
    /// Switches: yes.
    ///
    /// # Panics
    /// If there are no operations.
    ///
    /// ```
    /// use threadle::chan::{Select, bounded};
    /// let (left, right) = (bounded(0), bounded::<u8>(0));
    /// let sender = left.0.clone();
    /// let thread = std::thread::spawn(move || sender.send(1));
    /// let mut select = Select::new();
    /// let (from_left, _) = (select.recv(&left.1), select.recv(&right.1));
    /// let chosen = select.select();
    /// assert_eq!(chosen.index(), from_left);
    /// assert_eq!(chosen.recv(&left.1), Ok(1));
    /// thread.join().unwrap().unwrap();
    /// ```
    #[track_caller]
    pub fn select(&mut self) -> SelectedOperation<'a> {
        self.not_empty();
        self.choose(Manner::waiting(self.biased)).unwrap_or_else(|| unreachable!("without a deadline one is chosen"))
    }

    /// Waits until an operation can be done, but at most `timeout`, and chooses it.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The time is over.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::chan::{Select, SelectTimeoutError, bounded};
    /// let (_sender, receiver) = bounded::<u8>(0);
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert_eq!(select.select_timeout(Duration::from_millis(1)).err(), Some(SelectTimeoutError));
    /// ```
    #[track_caller]
    pub fn select_timeout(&mut self, timeout: Duration) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.choose(Manner::waiting_for(self.biased, timeout)).ok_or(SelectTimeoutError)
    }

    /// Waits until an operation can be done, but at most until `deadline`, and chooses it.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The time is over.
    ///
    /// ```
    /// use std::time::Instant;
    /// use threadle::chan::{Select, bounded};
    /// let (sender, receiver) = bounded(1);
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert!(select.select_deadline(Instant::now()).is_err());
    /// sender.send(1).unwrap();
    /// assert_eq!(select.select_deadline(Instant::now()).unwrap().recv(&receiver), Ok(1)); // nothing waits
    /// ```
    #[track_caller]
    pub fn select_deadline(&mut self, deadline: Instant) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.choose(Manner::waiting_until(self.biased, deadline)).ok_or(SelectTimeoutError)
    }

    /// The number of an operation that could be done without waiting at this moment.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// There is none.
    ///
    /// ```
    /// use threadle::chan::{Select, TryReadyError, unbounded};
    /// let (sender, receiver) = unbounded();
    /// let mut select = Select::new();
    /// let receive = select.recv(&receiver);
    /// assert_eq!(select.try_ready(), Err(TryReadyError));
    /// sender.send(1).unwrap();
    /// assert_eq!(select.try_ready(), Ok(receive));
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    pub fn try_ready(&mut self) -> Result<usize, TryReadyError> {
        engine::ready(&mut self.operations, Manner::trying(self.biased)).ok_or(TryReadyError)
    }

    /// Waits until an operation could be done; its number. Others may be quicker to do it, so try it, and come back if it could not be done.
    ///
    /// Switches: yes.
    ///
    /// # Panics
    /// If there are no operations.
    ///
    /// ```
    /// use threadle::chan::{Select, bounded};
    /// let (sender, receiver) = bounded(1);
    /// let thread = std::thread::spawn(move || sender.send(1));
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert_eq!(select.ready(), 0);
    /// assert_eq!(receiver.try_recv(), Ok(1)); // there is no other receiver
    /// thread.join().unwrap().unwrap();
    /// ```
    #[track_caller]
    pub fn ready(&mut self) -> usize {
        self.not_empty();
        let ready = engine::ready(&mut self.operations, Manner::waiting(self.biased));
        ready.unwrap_or_else(|| unreachable!("without a deadline one becomes ready"))
    }

    /// As [`ready`](Self::ready), but waits at most `timeout`.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The time is over.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::chan::{ReadyTimeoutError, Select, bounded};
    /// let (_sender, receiver) = bounded::<u8>(1);
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert_eq!(select.ready_timeout(Duration::from_millis(1)), Err(ReadyTimeoutError));
    /// ```
    #[track_caller]
    pub fn ready_timeout(&mut self, timeout: Duration) -> Result<usize, ReadyTimeoutError> {
        engine::ready(&mut self.operations, Manner::waiting_for(self.biased, timeout)).ok_or(ReadyTimeoutError)
    }

    /// As [`ready`](Self::ready), but waits at most until `deadline`.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The time is over.
    ///
    /// ```
    /// use std::time::Instant;
    /// use threadle::chan::{Select, bounded};
    /// let (sender, _receiver) = bounded::<u8>(1);
    /// let mut select = Select::new();
    /// let send = select.send(&sender);
    /// assert_eq!(select.ready_deadline(Instant::now()), Ok(send)); // there is room, so nothing waits
    /// ```
    #[track_caller]
    pub fn ready_deadline(&mut self, deadline: Instant) -> Result<usize, ReadyTimeoutError> {
        engine::ready(&mut self.operations, Manner::waiting_until(self.biased, deadline)).ok_or(ReadyTimeoutError)
    }

    #[track_caller]
    fn not_empty(&self) {
        assert!(!self.operations.is_empty(), "no operations have been added to the select");
    }

    #[track_caller]
    fn choose(&mut self, manner: Manner) -> Option<SelectedOperation<'a>> {
        for operation in &mut self.operations {
            // An operation that was selected earlier and is not completed yet still has its arm.
            if Rc::strong_count(&operation.arm) > 1 {
                operation.arm = operation.arm.anew();
            }
        }
        let number = engine::choose(&mut self.operations, manner)?;
        let chosen = self.operations.iter().find(|operation| operation.number == number);
        chosen.map(|operation| SelectedOperation {
            arm: Rc::clone(&operation.arm),
            kind: operation.kind,
            handle: operation.handle,
            number,
            completed: false,
        })
    }
}

impl Default for Select<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// With the same operations under the same numbers.
impl<'a> Clone for Select<'a> {
    fn clone(&self) -> Self {
        let again = |operation: &Operation<'a>| Operation { arm: operation.arm.anew(), ..*operation };
        Select { operations: self.operations.iter().map(again).collect(), next: self.next, biased: self.biased }
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = self.operations.iter().map(|operation| (operation.number, operation.kind));
        f.debug_struct("Select").field("operations", &operations.collect::<Vec<_>>()).finish()
    }
}

/// The operation that a [`Select`] has chosen, and that is now to be completed, by [`send`](Self::send) or [`recv`](Self::recv) with the very
/// sender or receiver it was added with.
///
/// # Panics
/// Dropped without that it panics, unless the goroutine panics already. What was received is dropped; what was to be sent is not, and the
/// place goes to the next sender. One that is forgotten (`mem::forget`) keeps the place, and on a rendezvous channel the receiver waiting.
///
/// ```
/// use threadle::chan::{Select, unbounded};
/// let (sender, receiver) = unbounded();
/// let (_idle, nothing) = unbounded::<&str>();
/// sender.send("news").unwrap();
/// let mut select = Select::new();
/// let (first, _second) = (select.recv(&receiver), select.recv(&nothing));
/// let chosen = select.select();
/// assert_eq!(chosen.index(), first);
/// assert_eq!(chosen.recv(&receiver), Ok("news"));
/// ```
#[must_use = "a selected operation is to be completed by `send` or `recv`"]
pub struct SelectedOperation<'a> {
    arm: Rc<dyn Reusable<'a> + 'a>,
    kind: Kind,
    handle: *const (),
    number: usize,
    completed: bool,
}

impl SelectedOperation<'_> {
    /// The number that [`Select::send`] or [`Select::recv`] gave it.
    ///
    /// ```
    /// use threadle::chan::{Select, bounded};
    /// let (sender, _receiver) = bounded(1);
    /// let mut select = Select::new();
    /// let send = select.send(&sender);
    /// let chosen = select.select();
    /// assert_eq!(chosen.index(), send);
    /// chosen.send(&sender, ()).unwrap();
    /// ```
    pub fn index(&self) -> usize {
        self.number
    }

    /// Sends `value`. It has its place, or its receiver, already. Only if that receiver has given up since (its deadline came) does this wait, as
    /// [`Sender::send`] does. Chosen by [`try_select`](Select::try_select), or with a time-out, it never waits.
    ///
    /// Switches: if chosen by [`select`](Select::select), else not.
    ///
    /// # Errors
    /// The channel is closed; or this may not wait, the receiver has given up, and no other waits. The value comes back.
    ///
    /// # Panics
    /// If `sender` is not the one that was selected.
    ///
    /// ```
    /// use threadle::chan::{Select, SendError, bounded};
    /// let (sender, receiver) = bounded(0);
    /// drop(receiver);
    /// let mut select = Select::new();
    /// select.send(&sender);
    /// assert_eq!(select.select().send(&sender, 1), Err(SendError(1)));
    /// ```
    #[track_caller]
    pub fn send<T>(mut self, sender: &Sender<T>, value: T) -> Result<(), SendError<T>> {
        self.check(Kind::Send, std::ptr::from_ref(sender).cast());
        self.completed = true;
        // SAFETY: the arm was made from the sender at this address, which has been borrowed ever since: so `sender` is that very one, and its
        // `T` the arm's. (A `Sender` is invariant in `T`, so it has only one.)
        let arm = unsafe { &*Rc::as_ptr(&self.arm).cast::<SendArm<'_, T>>() };
        arm.granted().send(value)
    }

    /// What was received.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// The channel is closed and empty.
    ///
    /// # Panics
    /// If `receiver` is not the one that was selected.
    ///
    /// ```
    /// use threadle::chan::{RecvError, Select, bounded};
    /// let (sender, receiver) = bounded::<u8>(1);
    /// drop(sender);
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert_eq!(select.select().recv(&receiver), Err(RecvError));
    /// ```
    #[track_caller]
    pub fn recv<T>(mut self, receiver: &Receiver<T>) -> Result<T, RecvError> {
        self.check(Kind::Receive, std::ptr::from_ref(receiver).cast());
        self.completed = true;
        // SAFETY: as in `send`.
        let arm = unsafe { &*Rc::as_ptr(&self.arm).cast::<RecvArm<'_, T>>() };
        arm.received()
    }

    #[track_caller]
    fn check(&self, kind: Kind, handle: *const ()) {
        assert!(self.kind == kind && self.handle == handle, "not the sender or receiver that was selected");
    }
}

impl Drop for SelectedOperation<'_> {
    fn drop(&mut self) {
        if !self.completed {
            self.arm.abandon();
            assert!(std::thread::panicking(), "a selected operation was dropped, not completed");
        }
    }
}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectedOperation").field("index", &self.number).finish_non_exhaustive()
    }
}

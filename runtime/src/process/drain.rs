//! Two pipes read to their ends by one goroutine.
//!
//! One after the other will not do: a child that fills the pipe which is not read waits for us, and we for it. So the goroutine waits for either,
//! with one ticket in the queues of both descriptors, and reads from both whatever woke it.

use std::io::{self, Read};

use threadle_scheduler::io::{Direction, Operation, Wait, closed_error, stopped_error, wake_all};
use threadle_scheduler::{Parking, Reason, Ticket, checkpoint};

use super::pipe::Pipe;

/// The most that is read from one before it is the other's turn.
const CHUNK: u64 = 64 << 10;

/// What reading once has found.
#[derive(PartialEq)]
enum Found {
    More,
    Nothing,
    End,
}

struct Side<'a> {
    pipe: &'a Pipe,
    into: &'a mut Vec<u8>,
    /// `None`: its end was reached.
    operation: Option<Operation<'a, Ticket>>,
}

impl<'a> Side<'a> {
    fn new(pipe: &'a Pipe, into: &'a mut Vec<u8>) -> Side<'a> {
        Side { pipe, into, operation: Some(pipe.polled.operation(Direction::Read)) }
    }

    fn read(&mut self) -> io::Result<Found> {
        let Some(operation) = &mut self.operation else { return Ok(Found::End) };
        operation.begin();
        match self.pipe.polled.file().take(CHUNK).read_to_end(self.into) {
            Ok(length) if length as u64 == CHUNK => Ok(Found::More),
            Ok(_) => {
                self.operation.take().and_then(Operation::finish).into_iter().for_each(wake_all);
                Ok(Found::End)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Queues `ticket`; false if something has come since the read.
    #[track_caller]
    fn queue(&mut self, ticket: Ticket) -> io::Result<bool> {
        let Some(operation) = &mut self.operation else { return Ok(true) };
        match operation.wait(ticket)? {
            Wait::Park => Ok(true),
            Wait::Retry => Ok(false),
            Wait::Closed => Err(closed_error()),
            Wait::Stopped => Err(stopped_error()),
        }
    }
}

/// Reads both to their ends. Switches.
#[track_caller]
pub(super) fn read_both(one: (&Pipe, &mut Vec<u8>), other: (&Pipe, &mut Vec<u8>)) -> io::Result<()> {
    let (mut one, mut other) = (Side::new(one.0, one.1), Side::new(other.0, other.1));
    loop {
        match (one.read()?, other.read()?) {
            (Found::End, Found::End) => {
                checkpoint();
                return Ok(());
            }
            (Found::More, _) | (_, Found::More) => checkpoint(),
            _ => {
                let parking = Parking::open(Reason::IoWait);
                let ticket = parking.ticket();
                // Both, whatever the first says: either's next event is to wake us.
                if one.queue(ticket)? & other.queue(ticket)? {
                    parking.wait();
                }
            }
        }
    }
}

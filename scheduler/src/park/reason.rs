//! Why a goroutine waits: shown by the dump, in Go's words where Go has them.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a goroutine is parked. Shown by `dump`.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            const ALL: &'static [(Reason, &'static str)] = &[$((Reason::$name, $text),)*];
        }
    };
}

reasons! {
    /// Not parked, or no reason was given.
    Other = "waiting",
    /// Receiving from a channel.
    ChanReceive = "chan receive",
    /// Sending to a channel.
    ChanSend = "chan send",
    /// A `select!` over channels.
    Select = "select",
    /// A sleep.
    Sleep = "sleep",
    /// A descriptor's readiness.
    IoWait = "IO wait",
    /// A mutex.
    MutexLock = "sync.Mutex.lock",
    /// A reader-writer lock, to read.
    RwLockRead = "sync.RwLock.read",
    /// A reader-writer lock, to write.
    RwLockWrite = "sync.RwLock.write",
    /// A condition variable.
    CondvarWait = "sync.Condvar.wait",
    /// A semaphore.
    SemaphoreAcquire = "sync.Semaphore.acquire",
    /// A barrier.
    BarrierWait = "sync.Barrier.wait",
    /// A one-time initialisation.
    OnceWait = "sync.Once.call_once",
    /// A wait group.
    WaitGroupWait = "sync.WaitGroup.wait",
    /// The end of another goroutine.
    Join = "join",
    /// The goroutines of a scope.
    ScopeWait = "scope",
    /// A future that is pending.
    BlockOn = "block_on",
    /// A blocking call that runs on a helper thread.
    Blocking = "blocking call",
    /// The others to be blocked (`settle`).
    Settle = "settle",
    /// A stack to run on.
    Stack = "stack",
}

impl Reason {
    pub(crate) fn from_u8(value: u8) -> Reason {
        Reason::ALL.get(value as usize).map_or(Reason::Other, |(reason, _)| *reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Reason::ALL[*self as usize].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_comes_back_from_its_number() {
        for (i, (reason, text)) in Reason::ALL.iter().enumerate() {
            assert_eq!(Reason::from_u8(i as u8), *reason);
            assert_eq!(&reason.to_string(), text);
        }
        assert_eq!(Reason::from_u8(u8::MAX), Reason::Other);
    }
}

//! The warm stacks of one P.

use super::size::Class;
use super::{NO_OWNER, NoStack, Stack, pool};

/// How many stacks a cache holds at most.
const CAPACITY: usize = 64;

/// How many it gets from the pool, or gives to it, at once.
const BATCH: usize = CAPACITY / 2;

/// At most 64 free stacks of one class, for one P: the goroutine that starts next gets the stack that was used last.
#[derive(Debug)]
pub(crate) struct Cache {
    /// An error where the size is absurd: told at the first attempt to take one.
    class: Result<Class, NoStack>,
    /// The latest at the end.
    stacks: Vec<Stack>,
}

impl Cache {
    /// An empty cache of stacks of at least `size` bytes.
    pub(crate) fn new(size: usize) -> Cache {
        Cache { class: Class::of(size), stacks: Vec::new() }
    }

    /// A stack; from the pool, with some to spare, where the cache is empty. Never switches.
    ///
    /// # Errors
    ///
    /// [`NoStack`], as [`super::take`].
    pub(crate) fn take(&mut self) -> Result<Stack, NoStack> {
        if let Some(stack) = self.stacks.pop() {
            return Ok(stack);
        }
        self.refill()
    }

    #[cold]
    fn refill(&mut self) -> Result<Stack, NoStack> {
        self.stacks.reserve_exact(CAPACITY);
        pool::take(self.class?, BATCH, &mut self.stacks)?;
        Ok(self.stacks.pop().expect("the pool hands out at least one stack where it reports no error"))
    }

    /// Takes a stack back on which nothing runs any more. One of another class goes to its own pool.
    pub(crate) fn give_back(&mut self, stack: Stack) {
        if self.class != Ok(stack.class()) {
            // Dropping it takes it to the pool of its class.
            return;
        }
        if self.stacks.len() == CAPACITY {
            // The oldest are at the front.
            pool::give_back_first(BATCH, &mut self.stacks);
        }
        stack.set_owner(NO_OWNER);
        // Should this one go on to the pool it comes back to there, long after.
        stack.prefetch_canary();
        self.stacks.push(stack);
    }

    /// Gives all stacks to the pool, where the monitor finds them and other Ps may have them: for a P that is idle
    /// for long or ends.
    pub(crate) fn flush(&mut self) {
        let count = self.stacks.len();
        pool::give_back_first(count, &mut self.stacks);
    }

    /// How many stacks lie in the cache.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.stacks.len()
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.flush();
    }
}

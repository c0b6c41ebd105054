//! Models of the lease. Preemption bound 5 with two threads, 3 with three; each explored to its end within 60 s.
//!
//! There are two Ps, each a cell that loom lets only one thread touch at a time, and a list of idle ones. The M begins
//! with P 0. What is taken from it goes to the list, from where the M gets its next: so it goes from 0 to 1, and
//! perhaps back to 0, while revocations meant for its former Ps are still under way.

use super::*;
use crate::sync::cell::UnsafeCell;
use crate::sync::fault::{Fault, check, step, with_fault};
use crate::sync::{Arc, thread};

struct World {
    lease: Lease,
    idle: Mutex<Vec<u32>>,
    ps: [UnsafeCell<usize>; 2],
}

// SAFETY: that the cells are touched by one thread at a time is what the models are about.
unsafe impl Sync for World {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for World {}

impl World {
    fn new() -> Arc<Self> {
        let lease = Lease::new();
        lease.grant(0);
        Arc::new(Self { lease, idle: Mutex::new(vec![1]), ps: [UnsafeCell::new(0), UnsafeCell::new(0)] })
    }

    fn touch(&self, p: u32) {
        // SAFETY: the caller believes that it holds the P, and loom checks that.
        self.ps[p as usize].with_mut(|p| unsafe { *p += 1 });
    }

    /// The M does something with its P; or looks for another, where it was told that it has none.
    fn work(&self, mine: bool) {
        if mine {
            self.touch(self.lease.p().expect("it was told that it has one"));
        } else {
            assert!(!self.lease.inside(), "without a P, but inside");
            let idle = lock(&self.idle).pop();
            if let Some(p) = idle {
                self.lease.grant(p);
                self.touch(p);
            }
        }
    }

    /// From the runtime to user code and back, where there is a P; then something in the runtime.
    fn user_code(&self) {
        step();
        if self.lease.inside() {
            self.lease.exit();
        }
        let mine = self.lease.enter();
        self.work(mine);
    }

    /// An announced call, where there is a P; then something in the runtime.
    fn announced(&self) {
        if self.lease.inside() {
            let call = self.lease.begin_call();
            step();
            let mine = self.lease.end_call(call);
            self.work(mine);
        } else {
            self.user_code();
        }
    }

    /// The M goes off to user code, and stays there until the model ends.
    fn leave(&self) {
        if self.lease.inside() {
            self.lease.exit();
        }
    }

    /// Somebody has taken a P: the next M gets it, here by way of the list.
    fn took(&self, p: u32) {
        self.touch(p);
        lock(&self.idle).push(p);
    }

    fn revoke(&self, p: u32) {
        step();
        if self.lease.revoke(p) == Revoke::Taken {
            self.took(p);
        }
    }

    fn take_call(&self, p: u32) {
        step();
        if let Some(seen) = self.lease.call_seen()
            && self.lease.take_call(p, seen)
        {
            self.took(p);
        }
    }

    /// Every P belongs to exactly one.
    fn assert_none_lost(&self) {
        let mut all = lock(&self.idle).clone();
        all.extend(self.lease.p());
        all.sort_unstable();
        assert_eq!(all, [0, 1], "a P belongs to nobody, or to two");
    }
}

fn model(m: fn(&World), others: &[fn(&World)]) {
    let world = World::new();
    let threads: Vec<_> = others
        .iter()
        .map(|&other| {
            let world = world.clone();
            thread::spawn(move || other(&world))
        })
        .collect();
    m(&world);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    world.assert_none_lost();
}

/// R37: three stretches of user code; the monitor goes for P 0 and for P 1, in time or too late.
fn unannounced_two_rounds() {
    fn m(world: &World) {
        world.user_code();
        world.user_code();
        world.user_code();
        world.leave();
    }
    fn monitor(world: &World) {
        world.revoke(0);
        world.revoke(1);
    }
    model(m, &[monitor]);
}

#[test]
fn loom_lease_unannounced_two_rounds() {
    check(5, unannounced_two_rounds);
}

/// The same against two who take at once: the monitor, and the monitor of the runtime's end.
fn unannounced_two_monitors() {
    fn m(world: &World) {
        world.user_code();
        world.user_code();
    }
    model(m, &[|world| world.revoke(0), |world| world.revoke(0)]);
}

#[test]
fn loom_lease_unannounced_two_monitors() {
    check(3, unannounced_two_monitors);
}

/// The M gives its P up in time: a revocation already under way finds nothing to take.
#[test]
fn loom_lease_surrender() {
    fn m(world: &World) {
        world.user_code();
        if world.lease.inside() {
            let p = world.lease.surrender();
            world.took(p);
        }
        assert!(!world.lease.enter());
        world.work(false);
        world.leave();
    }
    check(3, || model(m, &[|world| world.revoke(0), |world| world.revoke(1)]));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_lease_broken_no_light_fence() {
    with_fault(Fault::LeaseNoLightFence, || check(5, unannounced_two_rounds));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_lease_broken_no_heavy_fence() {
    with_fault(Fault::LeaseNoHeavyFence, || check(5, unannounced_two_rounds));
}

#[test]
#[cfg_attr(debug_assertions, should_panic(expected = "an M has one P at a time"))]
#[cfg_attr(not(debug_assertions), should_panic(expected = "a P belongs to nobody, or to two"))]
fn loom_lease_broken_flag_is_verdict() {
    with_fault(Fault::LeaseFlagIsVerdict, || check(5, unannounced_two_rounds));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_lease_broken_verdict_unlocked() {
    with_fault(Fault::LeaseVerdictUnlocked, || check(3, unannounced_two_monitors));
}

#[test]
#[should_panic(expected = "a P belongs to nobody, or to two")]
fn loom_lease_broken_any_holder() {
    with_fault(Fault::LeaseAnyHolder, || check(5, unannounced_two_rounds));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_lease_broken_exit_relaxed() {
    with_fault(Fault::LeaseExitRelaxed, || check(5, unannounced_two_rounds));
}

/// R15, R36: three announced calls; the monitor goes for P 0 and for P 1 in whichever call it sees.
fn announced_two_rounds() {
    fn m(world: &World) {
        world.announced();
        world.announced();
        world.announced();
    }
    fn monitor(world: &World) {
        world.take_call(0);
        world.take_call(1);
    }
    model(m, &[monitor]);
}

#[test]
fn loom_lease_announced_two_rounds() {
    check(5, announced_two_rounds);
}

/// R36: two takers of one call.
#[test]
fn loom_lease_announced_two_takers() {
    check(3, || model(World::announced, &[|world| world.take_call(0), |world| world.take_call(0)]));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_lease_broken_call_taken_by_store() {
    with_fault(Fault::CallTakenByStore, || check(5, announced_two_rounds));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_lease_broken_call_ends_by_store() {
    with_fault(Fault::CallEndsByStore, || check(5, announced_two_rounds));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_lease_broken_call_opened_relaxed() {
    with_fault(Fault::CallOpenedRelaxed, || check(5, announced_two_rounds));
}

/// Every mix: calls and user code in turn, against both ways of taking, by one monitor and by two.
fn mixed() {
    fn m(world: &World) {
        world.announced();
        world.user_code();
        world.announced();
        world.leave();
    }
    fn monitor(world: &World) {
        world.revoke(0);
        world.take_call(0);
        world.revoke(1);
        world.take_call(1);
    }
    model(m, &[monitor]);
}

#[test]
fn loom_lease_mixed() {
    check(5, mixed);
}

#[test]
fn loom_lease_mixed_two_monitors() {
    fn m(world: &World) {
        world.user_code();
        world.announced();
        world.user_code();
    }
    check(3, || {
        model(
            m,
            &[
                |world| {
                    world.take_call(0);
                    world.revoke(1);
                },
                |world| {
                    world.revoke(0);
                    world.take_call(1);
                },
            ],
        );
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_lease_broken_call_leaves_runtime() {
    with_fault(Fault::CallLeavesRuntime, || check(5, mixed));
}

use super::*;
use crate::sync::item::Dice;
use crate::sync::thread;
use std::time::{Duration, Instant};

#[test]
fn without_a_p_until_granted() {
    let lease = Lease::new();
    assert!(!lease.enter() && !lease.inside() && lease.p().is_none());
    assert_eq!(lease.revoke(0), Revoke::NotHolder);
    lease.grant(7);
    assert!(lease.inside());
    assert_eq!(lease.p(), Some(7));
    lease.exit();
    assert!(lease.in_user_code());
    assert!(lease.enter());
    assert!(!lease.in_user_code());
}

#[test]
fn taken_in_user_code_left_inside() {
    let lease = Lease::new();
    lease.grant(1);
    assert_eq!(lease.revoke(1), Revoke::Inside);
    assert_eq!(lease.revoke(2), Revoke::NotHolder);
    lease.exit();
    assert_eq!(lease.revoke(2), Revoke::NotHolder);
    assert!(lease.enter(), "a revocation that came to nothing leaves no trace");
    lease.exit();
    assert_eq!(lease.revoke(1), Revoke::Taken);
    assert_eq!(lease.revoke(1), Revoke::NotHolder);
    assert!(!lease.in_user_code());
    assert!(!lease.enter() && !lease.enter() && !lease.inside());
    lease.grant(2);
    lease.exit();
    assert!(lease.enter());
}

#[test]
fn surrendered() {
    let lease = Lease::new();
    lease.grant(1);
    assert_eq!(lease.surrender(), 1);
    assert!(!lease.inside() && lease.p().is_none() && !lease.enter());
    assert_eq!(lease.revoke(1), Revoke::NotHolder);
    lease.grant(1);
    assert_eq!(lease.p(), Some(1));
}

#[test]
fn a_call_is_taken_only_while_it_lasts() {
    let lease = Lease::new();
    lease.grant(1);
    assert_eq!(lease.call_seen(), None);
    let call = lease.begin_call();
    let first = lease.call_seen().expect("it is open");
    assert_eq!(lease.revoke(1), Revoke::Inside, "an announced call is not user code");
    assert!(!lease.in_user_code());
    assert!(lease.end_call(call) && lease.inside());
    assert!(!lease.take_call(1, first), "it is over");

    let call = lease.begin_call();
    let second = lease.call_seen().expect("it is open");
    assert_ne!(first, second);
    assert!(!lease.take_call(1, first), "another call is open");
    assert!(!lease.take_call(2, second), "another P");
    assert!(lease.take_call(1, second));
    assert!(!lease.take_call(1, second), "it is taken");
    assert_eq!(lease.call_seen(), None);
    assert!(!lease.end_call(call) && !lease.inside() && !lease.enter());

    lease.grant(1);
    let call = lease.begin_call();
    assert_ne!(lease.call_seen(), Some(second), "a taken call keeps its number");
    assert!(lease.end_call(call));
}

#[test]
fn preemption_is_a_request() {
    let lease = Lease::new();
    lease.grant(0);
    lease.exit();
    lease.request_preempt();
    assert!(lease.enter(), "it takes nothing away");
    assert!(lease.preempt_requested());
    lease.clear_preempt();
    assert!(!lease.preempt_requested());
    lease.request_preempt();
    assert_eq!(lease.surrender(), 0);
    lease.grant(0);
    assert!(!lease.preempt_requested(), "it was meant for what ran before");
}

/// Ms that cross, call and give up their Ps against two monitors that take them in every way, all passing two Ps
/// around: no P is ever in two hands, none is lost, and each was really taken, surrendered and called about.
#[test]
fn stress_one_hand_at_a_time() {
    const MS: usize = 3;
    const PS: u32 = 2;
    const CROSSINGS: usize = 50_000;
    const TAKEN: u32 = 100;
    const LIMIT: Duration = Duration::from_secs(60);

    #[derive(Default)]
    struct P {
        held: AtomicBool,
    }
    impl P {
        fn touch(&self) {
            assert!(!self.held.swap(true, Relaxed), "a P in two hands");
            assert!(self.held.swap(false, Relaxed), "a P in two hands");
        }
    }

    let mut dice = Dice::new();
    let ps: [P; PS as usize] = Default::default();
    let idle: Mutex<Vec<u32>> = Mutex::new((0..PS).collect());
    let leases: [Lease; MS] = std::array::from_fn(|_| Lease::new());
    let running = AtomicU32::new(MS as u32);
    let taken: [AtomicU32; 2] = Default::default();
    let give = |p: u32| {
        ps[p as usize].touch();
        lock(&idle).push(p);
    };
    thread::scope(|scope| {
        for lease in &leases {
            let (ps, idle, running, taken, give, mut dice) = (&ps, &idle, &running, &taken, &give, dice.split());
            scope.spawn(move || {
                // At least so many crossings, and until enough was taken: how often that happens is the machine's
                // affair.
                let enough = || taken.iter().all(|count| count.load(Relaxed) >= TAKEN);
                let start = Instant::now();
                for crossing in 0.. {
                    if crossing > CROSSINGS && crossing % 64 == 0 && (enough() || start.elapsed() > LIMIT) {
                        break;
                    }
                    // Outside, with a P or without.
                    let mine = lease.enter() || {
                        let found = lock(idle).pop();
                        found.inspect(|&p| lease.grant(p)).is_some()
                    };
                    if !mine {
                        thread::yield_now();
                        continue;
                    }
                    let p = lease.p().expect("it was told that it has one");
                    ps[p as usize].touch();
                    match dice.roll(16) {
                        0 => give(lease.surrender()),
                        1..4 => {
                            let call = lease.begin_call();
                            (0..dice.roll(200)).for_each(|_| std::hint::spin_loop());
                            if lease.end_call(call) {
                                ps[p as usize].touch();
                                lease.exit();
                            }
                        }
                        4 => {
                            lease.exit();
                            (0..dice.roll(200)).for_each(|_| std::hint::spin_loop());
                        }
                        _ => lease.exit(),
                    }
                }
                running.fetch_sub(1, Release);
            });
        }
        for _ in 0..2 {
            let (leases, running, taken, give, mut dice) = (&leases, &running, &taken, &give, dice.split());
            scope.spawn(move || {
                while running.load(Acquire) > 0 {
                    let lease = &leases[dice.roll(MS)];
                    let Some(p) = lease.p() else { continue };
                    if dice.roll(2) == 0 {
                        if lease.revoke(p) == Revoke::Taken {
                            taken[0].fetch_add(1, Relaxed);
                            give(p);
                        }
                    } else if let Some(call) = lease.call_seen()
                        && lease.take_call(p, call)
                    {
                        taken[1].fetch_add(1, Relaxed);
                        give(p);
                    }
                }
            });
        }
    });
    let mut all = lock(&idle).clone();
    all.extend(leases.iter().filter_map(Lease::p));
    all.sort_unstable();
    assert_eq!(all, (0..PS).collect::<Vec<_>>(), "a P was lost, or doubled");
    println!("taken: {} in user code, {} in calls", taken[0].load(Relaxed), taken[1].load(Relaxed));
    assert!(taken.iter().all(|count| count.load(Relaxed) > 0), "the test did not test");
}

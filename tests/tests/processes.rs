//! Child processes, as a user of `std::process` expects them, and what std cannot do: many waits on few threads.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use threadle::process::{Child, Command, Stdio};
use threadle::signal::Signal;
use threadle::{Builder, chan, go, time, yield_now};
use threadle_tests::{Watchdog, both_modes, child, system};

/// What nobody waits for so long that a test would still pass.
const LONG: &str = "1000";

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn output_is_what_the_child_wrote() {
    both_modes(2, |_| {
        let mut command = shell("cat; printf \"$NAME $PWD\"; echo complaint >&2; exit 7");
        command.env("NAME", "value").current_dir("/");
        for _ in 0..2 {
            // Twice: the command is not used up, and what `output` assumes does not stick to it.
            let output = command.output().expect("there is a shell");
            assert_eq!(output.status.code(), Some(7));
            assert_eq!(String::from_utf8_lossy(&output.stdout), "value /");
            assert_eq!(output.stderr, b"complaint\n");
        }
        let spoken = command.stderr(Stdio::null()).output().expect("there is a shell");
        assert!(spoken.stderr.is_empty(), "what was said counts");
        assert_eq!(Command::new("true").status().expect("every Linux has it").code(), Some(0));
    });
}

/// Far more than pipes hold, to both, by turns and in one block each: whoever read one after the other would wait for ever.
#[test]
fn both_pipes_are_read_at_once() {
    both_modes(1, |_| {
        let by_turns = "i=0; while [ $i -lt 500 ]; do printf '%01000d' 1; printf '%01000d' 2 >&2; i=$((i + 1)); done";
        let in_blocks = "head -c 1000000 /dev/zero >&2; head -c 2000000 /dev/zero; head -c 3000000 /dev/zero >&2";
        for (script, lengths) in [(by_turns, (500_000, 500_000)), (in_blocks, (2_000_000, 4_000_000))] {
            let output = shell(script).output().expect("there is a shell");
            assert!(output.status.success());
            assert_eq!((output.stdout.len(), output.stderr.len()), lengths);
        }
    });
}

#[test]
fn a_conversation_with_a_child() {
    both_modes(2, |_| {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a cat");
        let (mut to, mut from) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        for round in 0..100_u32 {
            to.write_all(&round.to_be_bytes()).expect("it reads");
            let mut answer = [0; 4];
            from.read_exact(&mut answer).expect("it answers");
            assert_eq!(u32::from_be_bytes(answer), round);
        }
        // More than the pipes hold, so that both of us wait for it by turns.
        let writer = go(move || (0..100).try_for_each(|_| to.write_all(&[7; 30_000])));
        let mut all = Vec::new();
        from.read_to_end(&mut all).expect("it ends when its input does");
        writer.join().expect("it only writes").expect("it is read");
        assert!(all.len() == 3_000_000 && all.iter().all(|byte| *byte == 7));
        assert!(child.wait().expect("it is ours").success());
    });
}

#[test]
fn a_child_that_closes_its_streams_early_is_no_dead_child() {
    both_modes(2, |_| {
        let mut early = shell("exec >&- 2>&- <&-; kill -STOP $$; exit 5");
        early.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = early.spawn().expect("there is a shell");
        let mut nothing = Vec::new();
        child.stdout.take().expect("piped").read_to_end(&mut nothing).expect("an end is no error");
        child.stderr.take().expect("piped").read_to_end(&mut nothing).expect("an end is no error");
        assert!(nothing.is_empty());
        let mut to = child.stdin.take().expect("piped");
        let refused = (0..1000).find_map(|_| to.write_all(&[0; 1000]).err()).expect("nobody reads");
        assert_eq!(refused.kind(), ErrorKind::BrokenPipe);
        assert_eq!(child.try_wait().expect("it is ours"), None, "it lives");
        assert_eq!(child.wait_timeout(Duration::from_millis(1)).expect("it is ours"), None);
        // It stops itself at its own time; until it has, going on would be lost.
        while child.wait_timeout(Duration::from_millis(5)).expect("it is ours").is_none() {
            child.signal(Signal::CONTINUE).expect("it is ours");
        }
        assert_eq!(child.wait().expect("it is ours").code(), Some(5));
    });
}

#[test]
fn waits_end_by_the_child_by_time_or_by_a_kill() {
    both_modes(2, |_| {
        let mut child = Command::new("sleep").arg(LONG).spawn().expect("every Linux has it");
        assert_eq!(child.wait_deadline(Instant::now()).expect("it is ours"), None);
        assert_eq!(child.wait_timeout(Duration::from_millis(2)).expect("it is ours"), None);
        let (killer, id) = (child.killer(), child.id());
        let (waits, waiting) = chan::bounded(1);
        let waiter = go(move || {
            waits.send(()).expect("somebody looks");
            (child.wait(), child)
        });
        waiting.recv().expect("it is about to wait");
        time::sleep(Duration::from_millis(2));
        assert!(killer.clone().signal(Signal::TERMINATE).is_ok());
        let (status, mut child) = waiter.join().expect("it only waits");
        assert_eq!(status.expect("it is ours").signal(), Some(libc::SIGTERM));
        // Again, and again; the number is not the child's any more.
        assert_eq!(child.wait().expect("it is known").signal(), Some(libc::SIGTERM));
        assert_eq!(child.id(), id);
        child.kill().expect("nobody is hit");
        killer.kill().expect("nobody is hit");
    });
}

#[test]
fn a_deadline_ends_a_read_of_a_pipe() {
    both_modes(2, |_| {
        let mut child = Command::new("sleep").arg(LONG).stdout(Stdio::piped()).spawn().expect("every Linux has it");
        let mut from = child.stdout.take().expect("piped");
        from.set_deadline(Some(Instant::now() + Duration::from_millis(2)));
        assert_eq!(from.read(&mut [0]).expect_err("nothing comes").kind(), ErrorKind::TimedOut);
        from.set_deadline(None);
        child.kill().expect("it is ours");
        assert_eq!(from.read(&mut [0]).expect("an end is no error"), 0);
        child.wait().expect("it is ours");
    });
}

/// A pipeline: what one child writes, another reads; the pipe in the middle is theirs alone, and blocks as they expect.
#[test]
fn a_pipe_goes_from_child_to_child() {
    both_modes(2, |_| {
        let mut first = shell("i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i + 1)); done")
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a shell");
        let middle = first.stdout.take().expect("piped").into_std().expect("it is made blocking");
        let last = Command::new("wc").arg("-l").stdin(middle).output().expect("every Linux has it");
        assert_eq!(String::from_utf8_lossy(&last.stdout).trim(), "3000");
        assert!(first.wait().expect("it is ours").success());
    });
}

/// One processor, and no thread for each of those that wait.
#[test]
fn a_hundred_children_are_waited_for_by_few_threads() {
    child::in_children(
        "a_hundred_children_are_waited_for_by_few_threads",
        |_| {},
        |mode| {
            mode.run(Builder::new().procs(1), || {
                let (ended, waiting) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
                let (killers, waiters): (Vec<_>, Vec<_>) = (0..100)
                    .map(|_| {
                        let mut child = Command::new("sleep").arg(LONG).spawn().expect("every Linux has it");
                        let (ended, waiting) = (Arc::clone(&ended), Arc::clone(&waiting));
                        let killer = child.killer();
                        let waiter = go(move || {
                            waiting.fetch_add(1, SeqCst);
                            assert!(!child.wait().expect("it is ours").success());
                            ended.fetch_add(1, SeqCst);
                        });
                        (killer, waiter)
                    })
                    .unzip();
                while waiting.load(SeqCst) < 100 {
                    yield_now();
                }
                // Other goroutines have their turns meanwhile.
                for number in 0..100 {
                    assert_eq!(go(move || number).join().expect("it only returns"), number);
                }
                assert_eq!(ended.load(SeqCst), 0);
                println!("threads {}", system::threads().expect("/proc is there"));
                killers.iter().for_each(|killer| killer.kill().expect("it is ours"));
                waiters.into_iter().for_each(|waiter| waiter.join().expect("its checks hold"));
            });
        },
        |mode, end| {
            let threads = end.succeeded().number("threads");
            assert!(threads < 40.0, "{mode}: {threads} threads");
        },
    );
}

#[test]
fn a_thousand_children_leave_no_descriptor_and_no_zombie() {
    child::in_children(
        "a_thousand_children_leave_no_descriptor_and_no_zombie",
        |_| {},
        |mode| {
            mode.run(Builder::new().procs(2), || {
                let one = |number: usize| {
                    let mut command = Command::new("/bin/true");
                    match number % 4 {
                        0 => drop(command.output().expect("every Linux has it")),
                        1 => assert!(command.status().expect("every Linux has it").success()),
                        // What is not read, and what is not even taken, is closed with its owner.
                        2 => {
                            let mut child =
                                command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it is there");
                            assert!(child.wait().expect("it is ours").success());
                        }
                        _ => {
                            let _killer = command.spawn().map(|mut child: Child| (child.wait(), child.killer()));
                        }
                    }
                };
                one(0);
                let before = system::descriptors().expect("/proc is there");
                (0..1000).for_each(one);
                let left = || system::descriptors().expect("/proc is there").saturating_sub(before);
                // Whose thread was kept from closing one may be late.
                let patience = Instant::now() + Duration::from_secs(10);
                while left() > 0 && Instant::now() < patience {
                    yield_now();
                }
                println!("left {}", left());
                // SAFETY: a null pointer is allowed: the status is not wanted.
                let zombie = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
                assert_eq!((zombie, io::Error::last_os_error().raw_os_error()), (-1, Some(libc::ECHILD)));
            });
        },
        |_, end| assert_eq!(end.succeeded().number("left"), 0.0),
    );
}

/// What goes wrong between fork and exec, or before, is the error of `spawn`, and there is no child.
#[test]
fn what_the_system_refuses_is_an_error() {
    both_modes(2, |_| {
        let refused = |number: i32| {
            let mut command = Command::new("true");
            // SAFETY: it makes a value, and calls nothing.
            unsafe { command.pre_exec(move || Err(io::Error::from_raw_os_error(number))) };
            command.stdout(Stdio::piped()).spawn().expect_err("it fails").raw_os_error()
        };
        for number in [libc::EAGAIN, libc::ENOMEM, libc::EMFILE] {
            assert_eq!(refused(number), Some(number));
        }
        let missing = Command::new("/proc/nobody").output().expect_err("it is not there");
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        let folder = Command::new("/proc").status().expect_err("it is no program");
        assert_eq!(folder.kind(), ErrorKind::PermissionDenied);
    });
}

/// With no descriptor left there is no pipe and no child; with one or two, a child that is waited for without a pidfd.
#[test]
fn without_descriptors_spawning_fails_and_waiting_does_not() {
    child::in_children(
        "without_descriptors_spawning_fails_and_waiting_does_not",
        |_| {},
        |mode| {
            // However many the system would allow.
            system::limit_descriptors(256).expect("it is lowered");
            mode.run(Builder::new().procs(2), || {
                assert!(Command::new("true").status().expect("every Linux has it").success());
                let mut hoard = Vec::new();
                while let Ok(file) = std::fs::File::open("/dev/null") {
                    hoard.push(file);
                }
                let (mut errors, mut successes) = (0, 0);
                // One more each time: somewhere between all and none.
                for _ in 0..12 {
                    let mut command = Command::new("/bin/true");
                    match command.stdin(Stdio::inherit()).stdout(Stdio::piped()).output() {
                        Ok(output) => {
                            assert!(output.status.success());
                            successes += 1;
                        }
                        Err(error) => {
                            assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
                            assert_eq!(successes, 0, "more descriptors, fewer children");
                            errors += 1;
                        }
                    }
                    hoard.pop();
                }
                println!("errors {errors}");
                println!("successes {successes}");
            });
        },
        |mode, end| {
            let (errors, successes) = (end.succeeded().number("errors"), end.number("successes"));
            assert!(errors >= 1.0 && successes >= 1.0, "{mode}: {errors} errors, {successes} successes");
        },
    );
}

/// A child that outlives the runtime it was made in is waited for by another one's goroutines, and by threads.
#[test]
fn a_child_outlives_its_runtime() {
    both_modes(1, |mode| {
        for number in 0..2 {
            let mut child = threadle::blocking(|| {
                mode.run(Builder::new().procs(1), || Command::new("sleep").arg(LONG).spawn().expect("it is there"))
            });
            let killer = child.killer();
            let waited = if number == 0 {
                let waiter = go(move || child.wait().expect("it is ours"));
                yield_now();
                killer.kill().expect("it is ours");
                waiter.join().expect("it only waits")
            } else {
                let waiter = std::thread::spawn(move || child.wait().expect("it is ours"));
                killer.kill().expect("it is ours");
                threadle::blocking(|| waiter.join().expect("it only waits"))
            };
            assert_eq!(waited.signal(), Some(libc::SIGKILL));
        }
    });
}

/// Everything about children works on plain threads, outside any runtime, and what is made there is waited for on goroutines as well.
#[test]
fn children_of_plain_threads() {
    let _watchdog = Watchdog::new(120);
    let output = shell("cat; echo complaint >&2; exit 7").output().expect("there is a shell");
    assert_eq!((output.status.code(), &*output.stderr), (Some(7), &b"complaint\n"[..]));
    assert!(Command::new("true").status().expect("every Linux has it").success());
    // A conversation; and a deadline that somebody else sets, for a read that waits already.
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a cat");
    let (mut to, from) = (child.stdin.take().expect("piped"), Arc::new(child.stdout.take().expect("piped")));
    to.write_all(b"hello").expect("it reads");
    let mut text = [0; 5];
    (&*from).read_exact(&mut text).expect("it answers");
    assert_eq!(&text, b"hello");
    let reader = std::thread::spawn({
        let from = Arc::clone(&from);
        move || (&*from).read(&mut [0]).expect_err("nothing comes").kind()
    });
    time::sleep(Duration::from_millis(2));
    from.set_deadline(Some(Instant::now()));
    assert_eq!(reader.join().expect("it only reads"), ErrorKind::TimedOut);
    assert_eq!(child.wait_timeout(Duration::from_millis(2)).expect("it is ours"), None);
    // Made here, waited for by a goroutine, ended by a goroutine of another runtime.
    let killer = child.killer();
    let waiter = std::thread::spawn(move || threadle::run(move || child.wait().expect("it is ours")));
    threadle::run(|| go(move || killer.kill().expect("it is ours")).join().expect("it only kills"));
    assert_eq!(waiter.join().expect("it only waits").signal(), Some(libc::SIGKILL));
    // Many threads at once, beside goroutines that do the same.
    let ask = |n: u32| {
        shell(&format!("echo {n}")).output().expect("there is a shell").stdout == format!("{n}\n").into_bytes()
    };
    std::thread::scope(|threads| {
        for n in 0..8 {
            threads.spawn(move || assert!(ask(n)));
        }
        threads.spawn(|| {
            threadle::run(|| {
                let goroutines = [8, 9, 10, 11].map(|n| go(move || ask(n)));
                assert!(goroutines.into_iter().all(|one| one.join().expect("it only asks")));
            });
        });
    });
}

/// A child that ends unheard, as somebody has the system forget children, or takes them away: that is told, whoever waits.
#[test]
fn a_child_that_somebody_else_reaped_is_an_error() {
    child::in_children(
        "a_child_that_somebody_else_reaped_is_an_error",
        |_| {},
        |mode| {
            mode.run(Builder::new().procs(2), || {
                // Reaped before we wait.
                let mut taken = Command::new("true").spawn().expect("every Linux has it");
                // SAFETY: a null pointer is allowed: the status is not wanted.
                let reaped = unsafe { libc::waitpid(taken.id().cast_signed(), std::ptr::null_mut(), 0) };
                assert_eq!(reaped, taken.id().cast_signed());
                assert_eq!(taken.wait().expect_err("it is gone").raw_os_error(), Some(libc::ECHILD));
                // While we wait.
                // SAFETY: to ignore a signal runs no code.
                unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
                for bounded in [false, true] {
                    let mut forgotten = Command::new("sleep").arg(LONG).spawn().expect("every Linux has it");
                    let killer = forgotten.killer();
                    let (waits, waiting) = chan::bounded(1);
                    let waiter = go(move || {
                        waits.send(()).expect("somebody looks");
                        match bounded {
                            false => forgotten.wait().map(Some),
                            true => forgotten.wait_timeout(Duration::from_secs(600)),
                        }
                    });
                    waiting.recv().expect("it is about to wait");
                    time::sleep(Duration::from_millis(2));
                    killer.kill().expect("it is ours");
                    let error = waiter.join().expect("it only waits").expect_err("nobody knows how it ended");
                    assert_eq!(error.raw_os_error(), Some(libc::ECHILD));
                }
                println!("checked 1");
            });
        },
        |_, end| assert_eq!(end.succeeded().number("checked"), 1.0),
    );
}

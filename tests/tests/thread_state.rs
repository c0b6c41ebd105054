//! What the kernel and libraries keep per thread: a locked goroutine changes it for itself, and nobody else ever sees it.
//!
//! The library is the C library's locale (`uselocale`): its current locale belongs to the calling thread, as an OpenGL context or an
//! interpreter's state does, and every libc is there to be tested with. A binding whose handles are merely `!Send` would show less: what
//! the compiler forbids cannot go wrong.
#![expect(clippy::disallowed_methods, reason = "blocking its own thread is what a locked goroutine may do")]

use std::ffi::{CStr, CString};
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use threadle::net::{TcpListener, TcpStream};
use threadle::{Builder, GoBuilder, JoinHandle, chan, go, lock_os_thread, time, yield_now};
use threadle_tests::{Mode, Watchdog, both_modes, child};

fn locked<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    GoBuilder::new().locked().go(body)
}

// Namespaces.

/// What the kernel says no with to one that may not make namespaces.
fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOSYS | libc::EINVAL | libc::ENOSPC | libc::EACCES))
}

/// The calling thread goes into a network namespace of its own.
fn unshare_network() -> io::Result<()> {
    // SAFETY: concerns the calling thread only; touches no memory.
    match unsafe { libc::unshare(libc::CLONE_NEWNET) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The child becomes root of a user namespace of its own, if the kernel allows it: then it may make others. It has to be done before it has
/// threads.
fn in_a_user_namespace(command: &mut Command) {
    // SAFETY: these calls take nothing and cannot fail.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    let files = [
        (c"/proc/self/setgroups", CString::from(c"deny")),
        (c"/proc/self/uid_map", CString::new(format!("0 {user} 1")).expect("it has no zero")),
        (c"/proc/self/gid_map", CString::new(format!("0 {group} 1")).expect("it has no zero")),
    ];
    let write = |path: &CStr, text: &CStr| {
        // SAFETY: both are strings that end in a zero; the descriptor is closed where it was opened.
        unsafe {
            let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if file >= 0 {
                libc::write(file, text.as_ptr().cast(), text.count_bytes());
                libc::close(file);
            }
        }
    };
    // SAFETY: between fork and exec this makes system calls only, with what was prepared before.
    unsafe {
        command.pre_exec(move || {
            if libc::unshare(libc::CLONE_NEWUSER) == 0 {
                for (path, text) in &files {
                    write(path, text);
                }
            }
            // Where it did not come about, `unshare_network` will say so.
            Ok(())
        });
    }
}

/// Names the network namespace of the calling thread.
fn network() -> PathBuf {
    fs::read_link("/proc/thread-self/ns/net").expect("/proc is there")
}

/// What kernel modules for tunnels put into every network, where they are loaded.
const TUNNELS: [&str; 10] =
    ["erspan0", "gre0", "gretap0", "ip6_vti0", "ip6erspan0", "ip6gre0", "ip6tnl0", "ip_vti0", "sit0", "tunl0"];

/// The interfaces that the calling thread sees.
fn interfaces() -> Vec<String> {
    let table = fs::read_to_string("/proc/thread-self/net/dev").expect("/proc is there");
    let names = table.lines().filter_map(|line| line.split_once(':'));
    names.map(|(name, _)| name.trim().to_owned()).filter(|name| !TUNNELS.contains(&name.as_str())).collect()
}

/// Raises the loopback interface of the calling thread's namespace.
fn raise_loopback() -> io::Result<()> {
    // SAFETY: zero is a value of every field of it.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: the request is as SIOCSIFFLAGS takes it, and the socket is open.
    match unsafe { libc::ioctl(std::os::fd::AsRawFd::as_raw_fd(&socket), libc::SIOCSIFFLAGS, &request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Everybody's view, all the while: false once somebody was in another network than main.
fn watch_the_others(over: &Arc<AtomicBool>) -> Vec<JoinHandle<bool>> {
    let outside = network();
    (0..8)
        .map(|_| {
            let (over, outside) = (Arc::clone(over), outside.clone());
            go(move || {
                let mut stayed = true;
                while !over.load(SeqCst) {
                    stayed &= go(network).join().expect("it only looks") == outside && network() == outside;
                    time::sleep(Duration::from_millis(1));
                }
                stayed
            })
        })
        .collect()
}

/// In its namespace there is nothing of the outside: not its interfaces, nor its listeners; and its port numbers are free.
fn live_in_a_network_of_its_own(outside: &[String], port: u16) -> io::Result<PathBuf> {
    unshare_network()?;
    let mine = network();
    assert_eq!(interfaces(), ["lo"], "it sees its own interfaces only, and outside are {outside:?}");
    let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect_err("its loopback is down");
    assert_ne!(refused.kind(), ErrorKind::ConnectionRefused, "it has reached a network");
    raise_loopback()?;
    let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect_err("who listens is not here");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    // A socket belongs to the namespace it was made in: once there is one, any goroutine may use it.
    let server = go(move || {
        let (stream, _) = listener.accept().expect("its owner connects");
        io::copy(&mut &stream, &mut &stream).expect("its owner talks, then closes")
    });
    for round in 0..20 {
        yield_now();
        time::sleep(Duration::from_micros(100));
        assert_eq!(network(), mine, "round {round}: it has left its network");
    }
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    (&stream).write_all(b"inside")?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut heard = String::new();
    (&stream).read_to_string(&mut heard)?;
    assert_eq!((heard.as_str(), server.join().expect("it echoes")), ("inside", 6));
    Ok(mine)
}

#[test]
fn a_locked_goroutine_has_a_network_of_its_own() {
    child::in_children(
        "a_locked_goroutine_has_a_network_of_its_own",
        in_a_user_namespace,
        |mode| {
            let _watchdog = Watchdog::new(60);
            mode.run(Builder::new().procs(2), || {
                let (outside, there) = (network(), interfaces());
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
                let port = listener.local_addr().expect("a listener has an address").port();
                let over = Arc::new(AtomicBool::new(false));
                let watchers = watch_the_others(&over);
                let inmates: Vec<_> = (0..3)
                    .map(|_| {
                        let there = there.clone();
                        locked(move || live_in_a_network_of_its_own(&there, port))
                    })
                    .collect();
                let mut networks = vec![outside];
                for inmate in inmates {
                    match inmate.join().expect("its checks hold") {
                        Ok(network) => networks.push(network),
                        Err(error) if is_forbidden(&error) => {
                            println!("forbidden {}", error.raw_os_error().unwrap_or(0))
                        }
                        Err(error) => panic!("a network of its own: {error}"),
                    }
                }
                over.store(true, SeqCst);
                for watcher in watchers {
                    assert!(watcher.join().expect("it only looks"), "somebody else was in another network");
                }
                let all = networks.len();
                networks.sort_unstable();
                networks.dedup();
                println!("networks {}\nof {all}", networks.len());
            });
        },
        |mode, end| {
            if end.succeeded().stdout.contains("\nforbidden ") {
                return println!("SKIP: {mode}: the kernel does not let this user make network namespaces");
            }
            assert_eq!((end.number("networks"), end.number("of")), (4.0, 4.0), "{mode}: two were in one network");
        },
    );
}

// What a thread inherits from the one that makes it.

const STRANGE: libc::c_ulong = 123_457;

/// A number that the kernel keeps per thread, and gives to the threads it makes.
fn set_slack(nanoseconds: libc::c_ulong) {
    // SAFETY: sets a number of this thread only.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, nanoseconds) }, 0);
}

fn has_strange_slack() -> bool {
    // SAFETY: asks for a number of this thread.
    unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) as libc::c_ulong == STRANGE }
}

/// Makes the runtime make threads, of every kind, by what the caller does; how many goroutines found themselves on a strange one.
fn strange_threads() -> usize {
    let strange = Arc::new(AtomicUsize::new(0));
    let note = {
        let strange = Arc::clone(&strange);
        move || strange.fetch_add(usize::from(has_strange_slack()), SeqCst)
    };
    for _ in 0..3 {
        let own: Vec<_> = (0..5).map(|_| locked(note.clone())).collect();
        // They block their threads, unannounced: others must be made.
        let blocked = (0..6).map(|_| {
            let note = note.clone();
            go(move || {
                thread::sleep(Duration::from_millis(20));
                note()
            })
        });
        let called = (0..4).map(|_| {
            let note = note.clone();
            go(move || threadle::blocking(note))
        });
        let all: Vec<_> =
            own.into_iter().chain(blocked.collect::<Vec<_>>()).chain(called.collect::<Vec<_>>()).collect();
        for one in all {
            one.join().expect("it only looks");
        }
    }
    strange.load(SeqCst)
}

#[test]
fn no_thread_inherits_what_a_locked_goroutine_has_changed() {
    both_modes(2, |mode| {
        let by_builder = locked(|| {
            set_slack(STRANGE);
            strange_threads()
        });
        assert_eq!(by_builder.join().expect("its checks hold"), 0, "{mode}: made from a thread of GoBuilder::locked");
        let before = go(has_strange_slack).join().expect("it only looks");
        assert!(!before, "{mode}");
        lock_os_thread().expect("main is alone on its thread");
        set_slack(STRANGE);
        assert_eq!(strange_threads(), 0, "{mode}: made from a thread of lock_os_thread");
        // Never unlocked: main's thread ends with main.
    });
}

/// Nor does anybody's thread come of a plain one, whatever that is like, or of the code of an announced call.
#[test]
fn no_thread_inherits_from_a_plain_one_that_wakes_or_spawns() {
    both_modes(2, |mode| {
        let (ask, asked) = chan::unbounded::<()>();
        let (reply, answer) = chan::unbounded();
        for _ in 0..6 {
            let (asked, reply) = (asked.clone(), reply.clone());
            drop(go(move || {
                while asked.recv().is_ok() {
                    thread::sleep(Duration::from_millis(20));
                    reply.send(has_strange_slack()).expect("main counts");
                }
            }));
        }
        let plain = thread::spawn(move || {
            set_slack(STRANGE);
            for _ in 0..24 {
                ask.send(()).expect("they listen");
            }
        });
        for _ in 0..24 {
            assert_eq!(answer.recv(), Ok(false), "{mode}: made from a plain thread");
        }
        plain.join().expect("it only sends");
        let in_a_call = threadle::blocking(|| {
            set_slack(STRANGE);
            let strange = strange_threads();
            set_slack(0);
            strange
        });
        assert_eq!(in_a_call, 0, "{mode}: made from an announced call");
    });
}

// A library whose state belongs to the thread.

/// The C library's current locale, as the calling thread has it.
fn codeset() -> String {
    // SAFETY: the string belongs to the locale, which is in use while it is copied.
    unsafe { CStr::from_ptr(libc::nl_langinfo(libc::CODESET)) }.to_string_lossy().into_owned()
}

/// A locale, current on the thread that made it until it is dropped there.
struct Locale {
    mine: libc::locale_t,
    before: libc::locale_t,
    /// Bound to its thread, as the compiler sees it.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Locale {
    fn enter(name: &CStr) -> io::Result<Locale> {
        // SAFETY: the name ends in a zero; what was made is made current, and freed by the Drop only, after it is not current any more.
        unsafe {
            let mine = libc::newlocale(libc::LC_ALL_MASK, name.as_ptr(), std::ptr::null_mut());
            if mine.is_null() {
                return Err(io::Error::last_os_error());
            }
            Ok(Locale { mine, before: libc::uselocale(mine), _not_send: std::marker::PhantomData })
        }
    }
}

impl Drop for Locale {
    fn drop(&mut self) {
        // SAFETY: as in `enter`.
        unsafe {
            assert_eq!(libc::uselocale(self.before), self.mine, "another locale is current: it was dropped elsewhere");
            libc::freelocale(self.mine);
        }
    }
}

/// Uses the library over every switch; the value that belongs to the thread is held all the while.
fn use_the_library(mode: Mode) -> io::Result<()> {
    let usual = codeset();
    let locale = Locale::enter(c"C.UTF-8")?;
    for round in 0..200 {
        assert_eq!(codeset(), "UTF-8", "{mode}, round {round}: its locale is another's");
        match round % 3 {
            0 => yield_now(),
            1 => time::sleep(Duration::from_micros(50)),
            _ => assert_eq!(go(codeset).join().expect("it only asks"), usual, "{mode}: its locale is everybody's"),
        }
    }
    drop(locale);
    assert_eq!(codeset(), usual);
    Ok(())
}

#[test]
fn a_library_that_belongs_to_a_thread_works_on_a_locked_goroutine() {
    both_modes(2, |mode| {
        let usual = codeset();
        let users: Vec<_> = (0..4).map(|_| locked(move || use_the_library(mode))).collect();
        let others: Vec<_> = (0..200).map(|_| go(codeset)).collect();
        for other in others {
            assert_eq!(other.join().expect("it only asks"), usual, "{mode}: somebody's locale is everybody's");
        }
        for user in users {
            match user.join().expect("its checks hold") {
                Ok(()) => {}
                Err(error) => println!("SKIP: {mode}: this C library has no locale C.UTF-8: {error}"),
            }
        }
        // And on a thread that goes back to everybody, put back as it was.
        lock_os_thread().expect("main is alone on its thread");
        match use_the_library(mode) {
            Ok(()) => {}
            Err(error) => println!("SKIP: {mode}: this C library has no locale C.UTF-8: {error}"),
        }
        threadle::unlock_os_thread();
        assert_eq!(go(codeset).join().expect("it only asks"), usual, "{mode}");
    });
}

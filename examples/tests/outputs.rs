//! Each example prints what its header says.

use std::path::PathBuf;
use std::process::Command;

/// The lines of the `text` block at the top of an example, after the command.
fn promised(source: &str) -> Vec<&str> {
    let block = source.lines().skip_while(|line| !line.starts_with("//! $ ")).skip(1);
    block.map_while(|line| line.strip_prefix("//! ")).take_while(|line| !line.starts_with("```")).collect()
}

/// Runs it, and gives what it wrote to stderr.
fn check(name: &str, source: &str) -> String {
    // The examples are built beside this test: target/PROFILE/deps/outputs-HASH, target/PROFILE/examples/NAME.
    let mut program = std::env::current_exe().unwrap();
    program.pop();
    program.pop();
    let program: PathBuf = program.join("examples").join(name);
    let output = Command::new(&program).output().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    assert!(output.status.success(), "{name}: {output:?}");
    let promised = promised(source);
    assert!(!promised.is_empty(), "{name} promises nothing");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().collect::<Vec<_>>(), promised, "{name}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

macro_rules! examples {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name), include_str!(concat!("../examples/", stringify!($name), ".rs")));
        })*
    };
}

examples!(
    hello,
    ping_pong,
    prime_sieve,
    fan_in,
    pipeline,
    worker_pool,
    ticker,
    graceful_shutdown,
    parallel_fib,
    skynet,
    echo_server,
    blocking_call,
    chat,
    context_tree
);

#[test]
fn ranking() {
    let stderr = check("ranking", include_str!("../examples/ranking/main.rs"));
    print!("{stderr}");
    assert!(stderr.starts_with("python3 ranks alike") || stderr.starts_with("SKIPPED: no python3"), "{stderr}");
}

//! Running a test's body in a process of its own.

use std::process::{Command, Output};

const MARK: &str = "THREADLE_STACK_TEST_CHILD";

/// After so many seconds a child that hangs is ended by SIGALRM.
const WATCHDOG_SECONDS: libc::c_uint = 120;

/// In the child: runs `body` and ends the process with status 0 if it returns. In the parent: starts the child and
/// returns what became of it.
///
/// `test` is the name of the calling test function, `module` its `module_path!()`.
pub(super) fn run(module: &str, test: &str, environment: &[(&str, &str)], body: impl FnOnce()) -> Output {
    let (_, path) = module.split_once("::").expect("tests lie in modules of the crate");
    let name = format!("{path}::{test}");
    if std::env::var_os(MARK).is_some_and(|mark| *mark == *name) {
        // SAFETY: has no preconditions.
        unsafe { libc::alarm(WATCHDOG_SECONDS) };
        body();
        std::process::exit(0);
    }
    Command::new(std::env::current_exe().expect("the test program has a path"))
        .args([&name, "--exact", "--nocapture", "--test-threads=1"])
        .env_remove("THREADLE_STACK_GUARD")
        .env(MARK, &name)
        .envs(environment.iter().copied())
        .output()
        .expect("the test program starts again")
}

/// Panics unless the child returned from its body.
#[track_caller]
pub(super) fn expect_success(output: &Output) {
    assert!(output.status.success(), "{}\n{}", output.status, stderr(output));
}

pub(super) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

//! One run of one program, in a process of its own.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::answer::{Answer, parse};

/// Runs `command` for at most `limit`, and reads what it answers.
pub(crate) fn run(command: Command, limit: Duration) -> Answer {
    match output(command, limit) {
        Ok(text) => parse(&text),
        Err(failure) => failure,
    }
}

/// Runs `command` for at most `limit`: what it prints.
///
/// # Errors
///
/// [`Answer::Died`] or [`Answer::Hung`].
pub(crate) fn output(mut command: Command, limit: Duration) -> Result<String, Answer> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = command.spawn().and_then(|child| finish(child, limit));
    ended.unwrap_or_else(|error| Err(does_not_start(error)))
}

pub(crate) fn does_not_start(error: io::Error) -> Answer {
    Answer::Died(format!("it does not start: {error}"))
}

/// Waits at most `limit` for the end of `child`, whose pipes are read: what it has printed.
pub(crate) fn finish(mut child: Child, limit: Duration) -> io::Result<Result<String, Answer>> {
    let (over, end) = mpsc::channel();
    let stdout = read(child.stdout.take(), over.clone());
    let stderr = read(child.stderr.take(), over);
    // Both pipes are at their end once the program has ended, and the processes it started, too.
    let hung = end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
    if hung {
        child.kill()?;
    }
    let status = child.wait()?;
    let (stdout, stderr) = (joined(stdout)?, joined(stderr)?);
    Ok(match (hung, status.success()) {
        (true, _) => Err(Answer::Hung(limit.as_secs())),
        (false, true) => Ok(stdout),
        (false, false) => Err(Answer::Died(ended(status, &stderr))),
    })
}

/// Reads to the end; `over` goes with it.
fn read(pipe: Option<impl Read + Send + 'static>, over: mpsc::Sender<()>) -> JoinHandle<io::Result<String>> {
    thread::spawn(move || {
        let _over = over;
        let mut text = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut text)?;
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    })
}

fn joined(reader: JoinHandle<io::Result<String>>) -> io::Result<String> {
    reader.join().map_err(|_| io::Error::other("the reader panicked"))?
}

/// The status, and the first words of its complaint: of what follows it is mostly the consequence. Where this machine keeps the sources of
/// packages is left out.
fn ended(status: ExitStatus, complaint: &str) -> String {
    const LENGTH: usize = 200;
    let within = |word: &str| match word.split_once("/registry/src/").and_then(|(_, path)| path.split_once('/')) {
        Some((_, path)) => path.to_owned(),
        None => word.to_owned(),
    };
    let lines = complaint.lines().filter(|line| !line.trim().is_empty()).take(2);
    let words: Vec<String> = lines.flat_map(str::split_whitespace).map(within).collect();
    let first: String = words.join(" ").chars().take(LENGTH).collect();
    if first.is_empty() { status.to_string() } else { format!("{status}: {first}") }
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::answer::Answer;
    use std::process::Command;
    use std::time::Duration;

    fn shell(script: &str, limit: Duration) -> Answer {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, limit)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_program_that_ends_well_gives_figures() {
        assert_eq!(shell("echo figure ns 12", LONG), Answer::Figures([("ns".to_owned(), 12.0)].into()));
    }

    #[test]
    fn a_crash_is_told_with_its_signal_and_its_last_words() {
        let Answer::Died(why) = shell("echo figure ns 12; echo out of stacks >&2; kill -SEGV $$", LONG) else {
            panic!("it did not end well");
        };
        assert!(why.contains("signal: 11") && why.contains("out of stacks"), "{why}");
    }

    #[test]
    fn a_complaint_names_no_folder_of_this_machine() {
        let panic =
            "thread 'main' panicked at /home/me/.cargo/registry/src/index.crates.io-1949/may-0.3.51/src/lib.rs:7:1:";
        let script = format!("echo \"{panic}\" >&2; echo; echo no stack >&2; echo note: and more >&2; exit 101");
        let Answer::Died(why) = shell(&script, LONG) else { panic!("it did not end well") };
        assert_eq!(why, "exit status: 101: thread 'main' panicked at may-0.3.51/src/lib.rs:7:1: no stack");
    }

    #[test]
    fn a_status_is_told() {
        let Answer::Died(why) = shell("exit 3", LONG) else { panic!("it did not end well") };
        assert_eq!(why, "exit status: 3");
    }

    #[test]
    fn what_does_not_end_is_ended() {
        assert_eq!(shell("exec sleep 1000", Duration::from_secs(1)), Answer::Hung(1));
    }

    #[test]
    fn what_does_not_start_is_told() {
        let Answer::Died(why) = run(Command::new("/nowhere/peer"), LONG) else { panic!("there is no such program") };
        assert!(why.contains("does not start"), "{why}");
    }
}

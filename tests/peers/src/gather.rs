//! One program, all peers, several rounds.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use crate::answer::Answer;
use crate::build::Built;
use crate::load::Load;
use crate::order::rotated;
use crate::peer::Peer;
use crate::run::run;
use crate::statistics::Summary;

/// What one figure of one peer has come to.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Cell {
    /// It was measured; some of the runs may have failed all the same: how.
    Measured(Summary, Option<String>),
    /// The system has no such program, or not this figure: why.
    Absent(String),
    /// No run was good: how the first ended.
    Failed(String),
}

impl Cell {
    /// The figure, if there is one.
    pub(crate) fn median(&self) -> Option<f64> {
        match self {
            Cell::Measured(summary, _) => Some(summary.median),
            Cell::Absent(_) | Cell::Failed(_) => None,
        }
    }
}

/// The answers of all peers to one program.
#[derive(Clone, Default, Debug)]
pub(crate) struct Gathered(BTreeMap<Peer, Vec<Answer>>);

impl Gathered {
    /// Adds an answer.
    pub(crate) fn add(&mut self, peer: Peer, answer: Answer) {
        self.0.entry(peer).or_default().push(answer);
    }

    /// Who was asked.
    pub(crate) fn peers(&self) -> impl Iterator<Item = Peer> {
        self.0.keys().copied()
    }

    /// What has become of the figure `key` of `peer`.
    pub(crate) fn cell(&self, peer: Peer, key: &str) -> Cell {
        let answers = self.0.get(&peer).map_or(&[][..], Vec::as_slice);
        let mut figures = Vec::new();
        let (mut absent, mut failures) = (None, Vec::new());
        for answer in answers {
            match answer {
                Answer::Figures(all) => match all.get(key) {
                    Some(figure) => figures.push(*figure),
                    None => absent = Some("it has nothing to compare with that".to_owned()),
                },
                Answer::Absent(why) => absent = Some(why.clone()),
                Answer::Died(how) => failures.push(how.clone()),
                Answer::Hung(seconds) => failures.push(format!("it was not done after {seconds} s")),
            }
        }
        let failure = failures.first().map(|how| match (failures.len(), answers.len()) {
            (1, 1) => how.clone(),
            (failed, runs) => format!("{failed} of {runs} runs: {how}"),
        });
        match (Summary::of(&figures), absent, failure) {
            (Some(summary), _, failure) => Cell::Measured(summary, failure),
            (None, _, Some(failure)) => Cell::Failed(failure),
            (None, Some(why), None) => Cell::Absent(why),
            (None, None, None) => Cell::Absent("it was not asked".to_owned()),
        }
    }
}

/// Runs a program of each of `peers`, in rounds.
pub(crate) fn gather(
    built: &Built,
    peers: &[Peer],
    runs: usize,
    limit: Duration,
    program: &str,
    arguments: &[String],
) -> Gathered {
    let mut gathered = Gathered::default();
    for round in 0..runs {
        for peer in rotated(peers, round) {
            // Each time it hangs costs the whole limit, and says nothing new.
            let hung = gathered.0.get(&peer).is_some_and(|answers| matches!(answers.last(), Some(Answer::Hung(_))));
            if !hung {
                let answer = match &built[&peer] {
                    Ok(path) => {
                        let mut command = Command::new(path);
                        command.arg(program).args(arguments);
                        if peer.is_ours() {
                            command.arg(format!("mode={}", peer.name()));
                        }
                        match Load::of(program, arguments) {
                            None => run(command, limit),
                            Some(load) => load.put_on(command, limit),
                        }
                    }
                    Err(why) => Answer::Died(format!("not built: {why}")),
                };
                gathered.add(peer, answer);
            }
            // Progress; that stderr cannot be written to must not end a run of half an hour.
            let _ = write!(std::io::stderr(), ".");
        }
    }
    gathered
}

#[cfg(test)]
mod tests {
    use super::{Cell, Gathered, gather};
    use crate::answer::Answer;
    use crate::build::Built;
    use crate::peer::Peer;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    fn figures(ns: f64) -> Answer {
        Answer::Figures([("ns".to_owned(), ns)].into())
    }

    #[test]
    fn a_figure_is_the_median_of_the_good_runs() {
        let mut gathered = Gathered::default();
        for answer in [figures(3.0), Answer::Died("signal: 11".to_owned()), figures(5.0), figures(4.0)] {
            gathered.add(Peer::May, answer);
        }
        let Cell::Measured(summary, failure) = gathered.cell(Peer::May, "ns") else { panic!("three were good") };
        assert_eq!((summary.median, summary.runs), (4.0, 3));
        assert_eq!(failure.as_deref(), Some("1 of 4 runs: signal: 11"));
    }

    #[test]
    fn nothing_is_silent() {
        let mut gathered = Gathered::default();
        gathered.add(Peer::May, Answer::Absent("it has no timers".to_owned()));
        gathered.add(Peer::Tokio, Answer::Hung(20));
        gathered.add(Peer::Go, figures(1.0));
        assert_eq!(gathered.cell(Peer::May, "ns"), Cell::Absent("it has no timers".to_owned()));
        assert_eq!(gathered.cell(Peer::Tokio, "ns"), Cell::Failed("it was not done after 20 s".to_owned()));
        assert!(matches!(gathered.cell(Peer::Go, "bytes"), Cell::Absent(_)));
        assert!(matches!(gathered.cell(Peer::Bound, "ns"), Cell::Absent(_)));
    }

    #[test]
    fn a_peer_that_crashes_and_one_that_is_missing_leave_their_words() {
        let folder = std::env::temp_dir().join(format!("threadle-peers-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("there is room");
        let program = folder.join("peer");
        let script = "#!/bin/sh\n[ \"$1 $2\" = 'yield workers=2' ] || exit 9\necho no more stacks >&2\nkill -ABRT $$\n";
        std::fs::write(&program, script).expect("there is room");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
        let built = Built::from([(Peer::May, Ok(program)), (Peer::Go, Err("no Go".to_owned()))]);
        let arguments = ["workers=2".to_owned()];
        let gathered = gather(&built, &[Peer::Go, Peer::May], 2, Duration::from_secs(60), "yield", &arguments);
        let Cell::Failed(may) = gathered.cell(Peer::May, "ns") else { panic!("it crashes") };
        assert!(may.starts_with("2 of 2 runs: signal: 6") && may.contains("no more stacks"), "{may}");
        let Cell::Failed(go) = gathered.cell(Peer::Go, "ns") else { panic!("it is not there") };
        assert!(go.contains("no Go"), "{go}");
        std::fs::remove_dir_all(folder).expect("it is ours");
    }
}

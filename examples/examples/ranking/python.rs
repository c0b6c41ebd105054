//! The same in Python, in a process of its own.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// What `ranking.py` found.
pub(crate) struct Ranked {
    pub(crate) best: Vec<usize>,
    /// How long the ranking took, without starting Python and making the activities.
    pub(crate) seconds: f64,
}

/// None: there is no `python3` here.
pub(crate) fn rank(expression: &str, activities: usize, best: usize) -> io::Result<Option<Ranked>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ranking/ranking.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(expression)
        .args([activities, best].map(|number| number.to_string()))
        .stderr(Stdio::inherit())
        .output();
    let output = match output {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        output => output?,
    };
    if !output.status.success() {
        return Err(io::Error::other(format!("ranking.py ended with {}", output.status)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let odd = || io::Error::other(format!("ranking.py printed {text:?}"));
    let (seconds, numbers) = text.split_once('\n').ok_or_else(odd)?;
    let best = numbers.split_whitespace().map(str::parse).collect::<Result<_, _>>().map_err(|_| odd())?;
    Ok(Some(Ranked { best, seconds: seconds.parse().map_err(|_| odd())? }))
}

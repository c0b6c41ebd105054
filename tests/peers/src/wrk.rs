//! The client of `http`: wrk, a program of others, which keeps its connections and asks again as soon as it is answered.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use crate::answer::Answer;
use crate::load::Served;
use crate::run::output;

pub(crate) const MISSING: &str = "MISSING, so that HTTP has no figures: install wrk, and have it in PATH";

/// What wrk says of itself, if there is one.
pub(crate) fn version() -> Option<String> {
    // It exits with status 1, as if it had been asked for something wrong.
    let output = Command::new("wrk").arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.split(" Copyright").next().unwrap_or_default().trim().to_owned())
}

/// Asks for `seconds`, over `connections`.
///
/// # Errors
///
/// If wrk is not there, does not end within `limit`, or was not answered well each time.
pub(crate) fn ask(address: SocketAddr, connections: u64, seconds: u64, limit: Duration) -> Result<Served, Answer> {
    let mut command = Command::new("wrk");
    // A thread for each of the server's workers.
    command.args(["--threads", "2", "--connections", &connections.to_string(), "--duration", &format!("{seconds}s")]);
    command.arg(format!("http://{address}/"));
    let text = output(command, limit).map_err(|failure| match failure {
        Answer::Died(how) => Answer::Died(format!("wrk: {how}")),
        other => other,
    })?;
    served(&text).map_err(|why| Answer::Died(format!("wrk: {why}")))
}

/// Reads what wrk prints for people.
fn served(text: &str) -> Result<Served, String> {
    let mut lines = text.lines().map(str::trim);
    if let Some(complaint) = lines.clone().find(|line| line.starts_with("Socket errors") || line.starts_with("Non-2xx"))
    {
        return Err(complaint.to_owned());
    }
    let count = lines.clone().find_map(|line| line.split_once(" requests in ")?.0.parse().ok());
    let per_second = lines.find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok());
    match (count, per_second) {
        (Some(count), Some(per_second)) if count > 0.0 => Ok(Served { count, per_second }),
        _ => Err(format!("it printed {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::served;
    use crate::load::Served;

    const PRINTED: &str = "\
Running 1s test @ http://127.0.0.1:8080/
  2 threads and 256 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     8.08ms    1.02ms  21.62ms   89.74%
    Req/Sec    15.87k     1.01k   17.35k    85.00%
  31601 requests in 1.00s, 3.89MB read
Requests/sec:  31497.10
Transfer/sec:      3.88MB
";

    #[test]
    fn what_it_prints_is_read() {
        assert_eq!(served(PRINTED), Ok(Served { count: 31_601.0, per_second: 31_497.1 }));
    }

    #[test]
    fn a_request_that_was_not_answered_well_is_no_figure() {
        for complaint in ["Socket errors: connect 0, read 3, write 0, timeout 0", "Non-2xx or 3xx responses: 12"] {
            let printed = PRINTED.replace("Requests/sec", &format!("  {complaint}\nRequests/sec"));
            assert_eq!(served(&printed), Err(complaint.to_owned()));
        }
        assert!(served("").is_err());
        assert!(served(&PRINTED.replace("31601 requests", "0 requests")).is_err());
    }
}

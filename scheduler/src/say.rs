//! What the runtime has to say, on stderr.

/// As `eprintln!`, but a stderr that is closed or full is no reason to panic: not on the monitor's thread, and not in a loop that a panic may
/// not cross. There is nobody left to tell.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _nobody_listens = writeln!(std::io::stderr(), $($text)*);
    }};
}
pub(crate) use say;

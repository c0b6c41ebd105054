//! Who sends what is due. "Reading and writing at once" in the module is about it.

/// Sends as long as something is due and nobody else is at it: from step 3 of a reader, from step 5 of a writer. Whoever refuses the line
/// calls this after giving it back.
pub(super) fn settle<Line, Error>(
    due: impl Fn() -> bool,
    take: impl Fn() -> Option<Line>,
    send: impl Fn(&mut Line) -> Result<(), Error>,
) -> Result<(), Error> {
    while due() {
        let Some(mut line) = take() else { return Ok(()) };
        send(&mut line)?;
        // Given back here, and only then looked again.
        drop(line);
    }
    Ok(())
}

//! Who sends what is due. "Reading and writing at once" in the module is about it.

/// What is to be sent, by whoever has the line.
pub(super) trait Duty {
    type Line<'a>
    where
        Self: 'a;
    type Error;

    fn is_due(&self) -> bool;

    fn try_line(&self) -> Option<Self::Line<'_>>;

    #[track_caller]
    fn send_due(&self, line: &mut Self::Line<'_>) -> Result<(), Self::Error>;

    /// Sends as long as something is due and nobody else is at it: from step 3 of a reader, from step 5 of a writer. Whoever refuses the line
    /// calls this after giving it back.
    #[track_caller]
    fn settle(&self) -> Result<(), Self::Error> {
        while self.is_due() {
            let Some(mut line) = self.try_line() else { return Ok(()) };
            self.send_due(&mut line)?;
            // Given back here, and only then looked again.
            drop(line);
        }
        Ok(())
    }
}

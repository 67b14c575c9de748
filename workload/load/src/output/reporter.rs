//! Writes rows and progress on a thread of its own: a slow disk, pipe or terminal must not hold up the sending.

use super::ProgressLine;
use crate::engine::Note;
use crate::report::Second;
use std::io::{self, ErrorKind, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// Where rows go.
pub type Rows = Box<dyn Write + Send>;

/// The thread that writes.
#[derive(Debug)]
pub struct Reporter {
    notes: Sender<Note>,
    thread: JoinHandle<io::Result<()>>,
}

impl Reporter {
    /// Starts the thread. The header of the rows is written at once.
    pub fn start(rows: Option<Rows>, line: ProgressLine) -> io::Result<Self> {
        let (notes, received) = channel();
        let thread = std::thread::Builder::new()
            .name("reporter".to_owned())
            .spawn(move || write_notes(&received, rows, line, &mut io::stderr()))?;
        Ok(Self { notes, thread })
    }

    /// Where the loop sends its notes.
    pub fn notes(&self) -> &Sender<Note> {
        &self.notes
    }

    /// Waits until everything is written.
    pub fn finish(self) -> io::Result<()> {
        drop(self.notes);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the writing thread ended unexpectedly")))
    }
}

/// Writes until the sender is gone. Rows that cannot be written are an error at the end; the rest goes on.
fn write_notes(
    notes: &Receiver<Note>,
    mut rows: Option<Rows>,
    mut line: ProgressLine,
    stderr: &mut impl Write,
) -> io::Result<()> {
    let mut outcome = write_line(&mut rows, &Second::CSV_HEADER);
    for note in notes {
        match note {
            Note::Second(second) => {
                if outcome.is_ok() {
                    outcome = write_line(&mut rows, &second);
                }
                line.second(&second);
            }
            // A progress line that cannot be drawn is not worth an error.
            Note::Progress(progress) => _ = line.draw(&progress, stderr),
        }
    }
    let _ = line.clear(stderr);
    match outcome {
        // The reader of the rows has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn write_line(rows: &mut Option<Rows>, line: &impl ToString) -> io::Result<()> {
    let Some(rows) = rows else { return Ok(()) };
    rows.write_all((line.to_string() + "\n").as_bytes())?;
    rows.flush()
}

#[cfg(test)]
mod tests {
    use super::super::Style;
    use super::*;
    use std::time::Duration;

    /// A disk that is full from the start.
    struct Full(ErrorKind);

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn write(rows: Rows) -> io::Result<()> {
        let (notes, received) = channel();
        notes.send(Note::Second(Second::default())).unwrap();
        drop(notes);
        write_notes(&received, Some(rows), ProgressLine::new(Style::Off, Duration::ZERO), &mut io::sink())
    }

    #[test]
    fn rows_that_cannot_be_written_are_an_error() {
        assert_eq!(write(Box::new(Full(ErrorKind::StorageFull))).unwrap_err().kind(), ErrorKind::StorageFull);
    }

    #[test]
    fn a_reader_that_has_read_enough_is_no_error() {
        assert!(write(Box::new(Full(ErrorKind::BrokenPipe))).is_ok());
    }
}

//! Writes rows and progress on a thread of its own: a slow disk, pipe or terminal must not hold up the sending.

use super::ProgressLine;
use crate::engine::Note;
use crate::report::{Line, Second, Start, Summary};
use std::io::{self, ErrorKind, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// Where rows go.
pub type Rows = Box<dyn Write + Send>;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFormat {
    /// A header, then comma-separated values.
    Csv,
    /// JSON objects: start, seconds, summary.
    JsonLines,
}

/// The thread that writes.
#[derive(Debug)]
pub struct Reporter {
    notes: Sender<Note>,
    /// Returns the rows' writer as long as it can be written to.
    thread: JoinHandle<io::Result<Option<Output>>>,
}

impl Reporter {
    /// Starts the thread. The first line of the rows is written at once.
    pub fn start(rows: Option<(Rows, RowFormat)>, start: Start, line: ProgressLine) -> io::Result<Self> {
        let rows = rows.map(|(rows, format)| Output { rows, format });
        let (notes, received) = channel();
        let thread = std::thread::Builder::new()
            .name("reporter".to_owned())
            .spawn(move || write_notes(&received, rows, start, line, &mut io::stderr()))?;
        Ok(Self { notes, thread })
    }

    /// Where the loop sends its notes.
    pub fn notes(&self) -> &Sender<Note> {
        &self.notes
    }

    /// Waits until everything is written, and ends JSON lines with the summary.
    pub fn finish(self, summary: &Summary) -> io::Result<()> {
        drop(self.notes);
        let ended = || Err(io::Error::other("the writing thread ended unexpectedly"));
        let Some(mut output) = self.thread.join().unwrap_or_else(|_| ended())? else { return Ok(()) };
        match output.format {
            RowFormat::Csv => Ok(()),
            RowFormat::JsonLines => until_closed(output.line(&Line::Summary(Box::new(summary.clone())))),
        }
    }
}

/// Writes until the sender is gone. Rows that cannot be written are an error at the end; the rest goes on.
fn write_notes(
    notes: &Receiver<Note>,
    mut output: Option<Output>,
    start: Start,
    mut line: ProgressLine,
    stderr: &mut impl Write,
) -> io::Result<Option<Output>> {
    let mut outcome = output.as_mut().map_or(Ok(()), |output| output.start(start));
    for note in notes {
        match note {
            Note::Second(second) => {
                if let (Some(output), Ok(())) = (&mut output, &outcome) {
                    outcome = output.second(&second);
                }
                line.second(&second);
            }
            // A progress line that cannot be drawn is not worth an error.
            Note::Progress(progress) => _ = line.draw(&progress, stderr),
        }
    }
    let _ = line.clear(stderr);
    let open = outcome.is_ok();
    until_closed(outcome)?;
    Ok(output.filter(|_| open))
}

/// A reader of the rows that has read enough is no error.
fn until_closed(outcome: io::Result<()>) -> io::Result<()> {
    outcome.or_else(|error| if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

/// Rows in their format.
struct Output {
    rows: Rows,
    format: RowFormat,
}

impl Output {
    fn start(&mut self, start: Start) -> io::Result<()> {
        match self.format {
            RowFormat::Csv => self.write(Second::CSV_HEADER.to_owned()),
            RowFormat::JsonLines => self.line(&Line::Start(start)),
        }
    }

    fn second(&mut self, second: &Second) -> io::Result<()> {
        match self.format {
            RowFormat::Csv => self.write(second.to_string()),
            RowFormat::JsonLines => self.line(&Line::Second(second.clone())),
        }
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        self.write(line.to_json()?)
    }

    fn write(&mut self, mut line: String) -> io::Result<()> {
        line.push('\n');
        self.rows.write_all(line.as_bytes())?;
        self.rows.flush()
    }
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

    fn write(rows: Rows) -> io::Result<Option<Output>> {
        let (notes, received) = channel();
        notes.send(Note::Second(Second::default())).unwrap();
        drop(notes);
        let start = Start { at_unix_seconds: 0.0, targets: Vec::new() };
        let output = Some(Output { rows, format: RowFormat::Csv });
        write_notes(&received, output, start, ProgressLine::new(Style::Off, Duration::ZERO), &mut io::sink())
    }

    #[test]
    fn rows_that_cannot_be_written_are_an_error() {
        assert_eq!(
            write(Box::new(Full(ErrorKind::StorageFull))).err().unwrap().kind(),
            ErrorKind::StorageFull
        );
    }

    #[test]
    fn a_reader_that_has_read_enough_is_no_error() {
        assert!(write(Box::new(Full(ErrorKind::BrokenPipe))).is_ok());
    }
}

//! The tasks of a connection's streams, each ended by the sweep when its client takes too long.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use hyper::rt::Executor;
use tokio::task::spawn_local;

use super::super::progress;
use super::super::registry::Hall;
use super::session::{Session, Started};

/// Starts hyper's tasks on this thread.
#[derive(Debug, Clone)]
pub(super) struct Tasks {
    session: Rc<Session>,
    hall: Rc<Hall>,
}

/// A stream for as long as its task runs.
struct Running {
    stream: Started,
    tasks: Tasks,
}

impl Tasks {
    pub(super) fn new(session: Rc<Session>, hall: Rc<Hall>) -> Self {
        Self { session, hall }
    }
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Tasks {
    /// hyper calls the service for a request and then starts the task of its stream: the two belong together.
    fn execute(&self, work: F) {
        let Some(stream) = self.session.take_started() else {
            spawn_local(work);
            return;
        };
        let running = Running { stream, tasks: self.clone() };
        spawn_local(async move {
            let mut work = pin!(work);
            let progress = &running.stream.progress;
            poll_fn(|cx| {
                progress.remember_waker(cx.waker());
                match progress.order() {
                    progress::Order::Stay | progress::Order::Part => work.as_mut().poll(cx),
                    // Dropping hyper's side of a stream resets it.
                    progress::Order::Close | progress::Order::Reset => Poll::Ready(()),
                }
            })
            .await;
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(why) = self.stream.progress.why_cut() {
            self.tasks.hall.record.closed_stream(why);
        }
        self.tasks.session.end(self.stream.key, self.tasks.hall.about_now());
    }
}

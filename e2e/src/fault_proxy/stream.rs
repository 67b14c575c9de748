//! A watch on its way through: whole events, some left out, an error put in, silence, or a cut.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use futures::stream::{Stream, unfold};
use http_body::Frame;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::watch;

use super::call::Call;
use super::rule::Fault;
use super::rules::{Moment, Rules};
use super::{BoxError, error};

/// No event of our tests comes near: objects are smaller.
const EVENT_LIMIT: usize = 8 << 20;

/// What a watch says when its version is too old, as the API server says it.
const GONE: &str = concat!(
    r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","#,
    r#""message":"too old resource version","reason":"Expired","code":410}}"#,
    "\n"
);

struct Watch {
    inner: Incoming,
    call: Call,
    rules: Rules,
    changes: watch::Receiver<u64>,
    state: State,
    /// What has come of an event that is not whole.
    begun: BytesMut,
    whole: VecDeque<Bytes>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The rules have to be looked at.
    Unsure,
    Flows,
    Silent,
    Ended,
}

/// The events of a watch, as the rules let them through; they are looked at now and at each change of theirs.
pub fn watch(
    inner: Incoming,
    call: Call,
    rules: Rules,
) -> impl Stream<Item = Result<Frame<Bytes>, BoxError>> {
    let changes = rules.changes();
    let (state, begun, whole) = (State::Unsure, BytesMut::new(), VecDeque::new());
    let watch = Watch { inner, call, rules, changes, state, begun, whole };
    unfold(watch, |mut watch| async move {
        let item = watch.next().await?;
        if item.is_err() {
            watch.state = State::Ended;
        }
        Some((item.map(Frame::data), watch))
    })
}

impl Watch {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        loop {
            match self.state {
                State::Ended => return None,
                State::Unsure => {
                    if let Some(last) = self.look() {
                        return Some(last);
                    }
                }
                State::Silent => self.changed().await,
                State::Flows => {
                    if let Some(event) = self.whole.pop_front() {
                        return Some(Ok(event));
                    }
                    tokio::select! {
                        biased;
                        _ = self.changes.changed() => self.state = State::Unsure,
                        frame = self.inner.frame() => match frame {
                            None => self.state = State::Ended,
                            Some(Err(error)) => return Some(Err(error.into())),
                            Some(Ok(frame)) => {
                                if let Err(error) = self.take(frame.data_ref().map_or(&[], |data| data)) {
                                    return Some(Err(error));
                                }
                            }
                        },
                    }
                }
            }
        }
    }

    /// What the rules want of the stream; what is to be sent last, if it is to end.
    fn look(&mut self) -> Option<Result<Bytes, BoxError>> {
        self.changes.mark_unchanged();
        let fault = self.rules.fault(&self.call, Moment::Stream).map(|hit| hit.fault);
        self.state = match fault {
            Some(Fault::Stall | Fault::Silence) => State::Silent,
            Some(Fault::Gone | Fault::Cut) => State::Ended,
            _ => State::Flows,
        };
        match fault {
            Some(Fault::Gone) => Some(Ok(Bytes::from_static(GONE.as_bytes()))),
            Some(Fault::Cut) => Some(Err(error("cut by a rule"))),
            _ => None,
        }
    }

    async fn changed(&mut self) {
        // Its sender lives as long as the rules that are held here.
        let _ = self.changes.changed().await;
        self.state = State::Unsure;
    }

    fn take(&mut self, data: &[u8]) -> Result<(), BoxError> {
        self.begun.extend_from_slice(data);
        while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
            let event = self.begun.split_to(end + 1).freeze();
            if self.rules.fault(&self.call, Moment::Event).is_none() {
                self.whole.push_back(event);
            }
        }
        if self.begun.len() > EVENT_LIMIT {
            return Err(error("an event of more than 8 MiB"));
        }
        Ok(())
    }
}

//! An open watch: one JSON event a line, bookmarks, an end, and the faults that meet it.

use crate::{
    ask::Ask,
    faults::{Counted, Fault},
    reads,
    reply::Refusal,
    selector::Selector,
    state::{Core, Down, State},
    store::{Change, End},
};
use bytes::Bytes;
use futures::Stream;
use http_body::Frame;
use serde_json::{Value, json};
use std::{collections::VecDeque, io, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// The real server sends about one bookmark a minute, and one before the end.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// How long a watch lasts that does not say.
const LONGEST: Duration = Duration::from_secs(1800);

/// Whether a client asked for the whole object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Whole,
    Metadata,
}

/// An open watch.
struct Open {
    core: Arc<Core>,
    bell: watch::Receiver<u64>,
    ask: Ask,
    selector: Selector,
    shape: Shape,
    /// How much of the history was looked at.
    cursor: usize,
    /// The version the client knows.
    version: u64,
    waiting: VecDeque<Bytes>,
    bookmark: Instant,
    end: Instant,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Live,
    /// Silent while a rule says so.
    Silent,
    /// Silent for good.
    Mute,
    /// Ends when what waits is sent.
    Ending,
    Broken,
}

type Line = Result<Frame<Bytes>, io::Error>;

/// The events of a watch, from the version the request names or from the present objects on.
pub(crate) fn open(core: &Arc<Core>, ask: Ask, shape: Shape) -> impl Stream<Item = Line> + use<> {
    let now = Instant::now();
    let mut open = Open {
        core: Arc::clone(core),
        bell: core.bell(),
        selector: Selector::parse(ask.query.labels.as_deref(), ask.query.fields.as_deref()),
        shape,
        cursor: 0,
        version: 0,
        waiting: VecDeque::new(),
        bookmark: now + BOOKMARK_EVERY,
        end: now + ask.query.timeout.unwrap_or(LONGEST),
        fate: Fate::Live,
        ask,
    };
    let core = Arc::clone(core);
    open.start(&core.state());
    futures::stream::unfold(open, Open::next)
}

impl Open {
    fn start(&mut self, state: &State) {
        let from =
            self.ask.query.resource_version.as_deref().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        if from == 0 {
            self.send_present(state);
        } else if from < state.store.oldest {
            self.send("ERROR", &Refusal::expired(from, state.store.oldest).body);
            self.fate = Fate::Ending;
        } else {
            self.version = from;
        }
        self.cursor = state.store.history.partition_point(|change| change.version <= self.version);
    }

    /// A watch from nowhere begins with the objects there are.
    fn send_present(&mut self, state: &State) {
        let (kind, namespace) = (&self.ask.target.kind, self.ask.target.namespace.as_deref());
        for object in state.store.list(kind, namespace, self.ask.at) {
            if self.selector.matches(&object) {
                self.send("ADDED", &object);
            }
        }
        self.version = self.ask.at.unwrap_or(state.store.version);
        if self.ask.query.is("sendInitialEvents") {
            self.send_bookmark(&json!({"k8s.io/initial-events-end": "true"}));
        }
    }

    async fn next(mut self) -> Option<(Line, Self)> {
        loop {
            self.look();
            if let Some(line) = self.waiting.pop_front() {
                return Some((Ok(Frame::data(line)), self));
            }
            match self.fate {
                Fate::Ending => return None,
                Fate::Broken => {
                    self.fate = Fate::Ending;
                    return Some((
                        Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut by the test")),
                        self,
                    ));
                }
                Fate::Silent | Fate::Mute => {
                    // The clock means nothing to a silent watch, a fault removed does. The bell outlives us: we hold
                    // its core.
                    let _ = self.bell.changed().await;
                }
                Fate::Live => {
                    let timer = self.end.min(self.bookmark);
                    tokio::select! { biased; _ = self.bell.changed() => {}, () = sleep_until(timer) => {} }
                }
            }
        }
    }

    /// Looks at what changed and at the faults, and queues what there is to send.
    fn look(&mut self) {
        self.bell.borrow_and_update();
        if matches!(self.fate, Fate::Ending | Fate::Broken) {
            return;
        }
        let core = Arc::clone(&self.core);
        let mut state = core.state();
        self.fate = self.meet_faults(&mut state);
        if self.fate != Fate::Live {
            return;
        }
        self.send_changes(&mut state);
        let now = Instant::now();
        let wants_bookmarks = self.ask.query.is("allowWatchBookmarks");
        if now >= self.end {
            self.fate = Fate::Ending;
        }
        if now >= self.bookmark || now >= self.end {
            self.bookmark = now + BOOKMARK_EVERY;
            if wants_bookmarks {
                self.send_bookmark(&json!({}));
            }
        }
    }

    fn meet_faults(&mut self, state: &mut State) -> Fate {
        let down = state.down == Down::Down;
        let faults = state.faults.entry(self.ask.client.clone()).or_default();
        if down
            || faults.down.is_some()
            || faults.of_stream(&self.ask, None, |f| matches!(f, Fault::CutWatch)).is_some()
        {
            self.waiting.clear();
            return Fate::Broken;
        }
        if self.fate == Fate::Mute {
            return Fate::Mute;
        }
        match faults.of_stream(&self.ask, None, |fault| matches!(fault, Fault::Silence)) {
            Some(Counted::Once) => return Fate::Mute,
            Some(Counted::UntilRemoved) => return Fate::Silent,
            None => {}
        }
        if faults.of_stream(&self.ask, None, |fault| matches!(fault, Fault::Expire)).is_some() {
            self.send("ERROR", &Refusal::expired(self.version, state.store.version).body);
            return Fate::Ending;
        }
        Fate::Live
    }

    fn send_changes(&mut self, state: &mut State) {
        let view = state.faults_of(&self.ask.client).view.unwrap_or(u64::MAX);
        while let Some(change) =
            state.store.history.get(self.cursor).filter(|change| change.version <= view).cloned()
        {
            self.cursor += 1;
            self.version = change.version;
            let Some(event) = self.event(&change) else { continue };
            let faults = state.faults_of(&self.ask.client);
            let name = Some(change.key.name.as_str());
            if faults.of_stream(&self.ask, name, |fault| matches!(fault, Fault::DropEvent)).is_none() {
                self.send(event, &change.object);
            }
        }
    }

    /// The event a change is to this watch: an object that no longer matches is deleted to it.
    fn event(&self, change: &Change) -> Option<&'static str> {
        if !change.key.is_of(&self.ask.target.kind, self.ask.target.namespace.as_deref()) {
            return None;
        }
        let before = change.before.as_ref().is_some_and(|object| self.selector.matches(object));
        let after = change.end == End::Stored && self.selector.matches(&change.object);
        match (before, after) {
            (false, true) => Some("ADDED"),
            (true, true) => Some("MODIFIED"),
            (true, false) => Some("DELETED"),
            (false, false) => None,
        }
    }

    fn send_bookmark(&mut self, annotations: &Value) {
        let kind = &self.ask.target.kind;
        let metadata = json!({"resourceVersion": self.version.to_string(), "annotations": annotations});
        let object = json!({"kind": kind.kind, "apiVersion": kind.api_version(), "metadata": metadata});
        self.push("BOOKMARK", &object);
    }

    fn send(&mut self, event: &str, object: &Value) {
        if self.shape == Shape::Metadata && event != "ERROR" {
            self.push(event, &reads::metadata_only(object));
        } else {
            self.push(event, object);
        }
    }

    fn push(&mut self, event: &str, object: &Value) {
        let line = format!("{}\n", json!({"type": event, "object": object}));
        self.waiting.push_back(Bytes::from(line));
    }
}

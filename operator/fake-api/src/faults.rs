//! Faults of one client's connection: which requests they meet and what they do.

use crate::{
    ask::Ask,
    route::{Target, Verb},
    state::{Core, Down},
};
use serde_json::Value;
use std::{fmt, sync::Arc, time::Duration};

/// What goes wrong.
#[derive(Clone)]
pub enum Fault {
    /// The request reaches the server later. A client that gives up before takes the request with it.
    Delay(Duration),
    /// The request reaches the server later, even when the client has given up: a write that lands late.
    Late(Duration),
    /// The server refuses with this code, and `Retry-After` if given.
    Status(u16, Option<Duration>),
    /// 403 in the authorizer's words.
    Deny,
    /// No answer, ever. The server never sees the request.
    Stall,
    /// A connection error. The server never sees the request.
    Cut,
    /// A connection error after the server did what was asked.
    LoseAnswer,
    /// Changes the body of a successful answer.
    Rewrite(Arc<dyn Fn(&mut Value) + Send + Sync>),
    /// An open watch gets 410 `Expired` and ends.
    Expire,
    /// An open watch says nothing more, not even its end. With [`Rule::times`] the streams it met stay silent for good;
    /// without, they go on when the rule is removed.
    Silence,
    /// An open watch breaks.
    CutWatch,
    /// One event never reaches the watch.
    DropEvent,
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay(by) => write!(f, "Delay({by:?})"),
            Self::Late(by) => write!(f, "Late({by:?})"),
            Self::Status(code, after) => write!(f, "Status({code}, {after:?})"),
            Self::Deny => f.write_str("Deny"),
            Self::Stall => f.write_str("Stall"),
            Self::Cut => f.write_str("Cut"),
            Self::LoseAnswer => f.write_str("LoseAnswer"),
            Self::Rewrite(_) => f.write_str("Rewrite"),
            Self::Expire => f.write_str("Expire"),
            Self::Silence => f.write_str("Silence"),
            Self::CutWatch => f.write_str("CutWatch"),
            Self::DropEvent => f.write_str("DropEvent"),
        }
    }
}

impl Fault {
    /// Whether it meets open watches instead of requests.
    const fn is_of_streams(&self) -> bool {
        matches!(self, Self::Expire | Self::Silence | Self::CutWatch | Self::DropEvent)
    }
}

#[derive(Debug, Clone, Copy, Default)]
enum Verbs {
    #[default]
    All,
    Writes,
    One(Verb),
}

/// Which requests a fault meets: all, unless narrowed.
#[derive(Debug, Clone, Default)]
pub struct Rule {
    verbs: Verbs,
    resource: Option<String>,
    subresource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    skip: u32,
    times: Option<u32>,
}

impl Rule {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests with this verb.
    pub fn on(verb: Verb) -> Self {
        Self { verbs: Verbs::One(verb), ..Self::default() }
    }

    /// Requests that change something.
    pub fn writes() -> Self {
        Self { verbs: Verbs::Writes, ..Self::default() }
    }

    /// ... of this plural, with any sub-resource or none.
    #[must_use]
    pub fn resource(mut self, plural: &str) -> Self {
        self.resource = Some(plural.to_owned());
        self
    }

    /// ... of this sub-resource.
    #[must_use]
    pub fn subresource(mut self, name: &str) -> Self {
        self.subresource = Some(name.to_owned());
        self
    }

    /// ... in this namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// ... of the object with this name; for [`Fault::DropEvent`] events of it.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// The first `count` that match pass; for [`Fault::DropEvent`] so many events.
    #[must_use]
    pub const fn skip(mut self, count: u32) -> Self {
        self.skip = count;
        self
    }

    /// Only so many that match; then the rule is gone.
    #[must_use]
    pub const fn times(mut self, count: u32) -> Self {
        self.times = Some(count);
        self
    }

    fn matches(&self, verb: Verb, target: &Target, event: Option<&str>) -> bool {
        let same =
            |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        let verbs = match self.verbs {
            Verbs::All => true,
            Verbs::Writes => verb.writes(),
            Verbs::One(wanted) => wanted == verb,
        };
        verbs
            && same(&self.resource, Some(target.kind.plural))
            && same(&self.subresource, target.subresource.as_deref())
            && same(&self.namespace, target.namespace.as_deref())
            && same(&self.name, event.or(target.name.as_deref()))
    }
}

/// Names a rule so that it can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleId(u64);

/// The faults of one client as the state keeps them.
#[derive(Debug, Default)]
pub(crate) struct ClientFaults {
    rules: Vec<(RuleId, Rule, Fault)>,
    next: u64,
    /// Reads and watches are served as of this version.
    pub view: Option<u64>,
    pub down: Option<Down>,
}

impl ClientFaults {
    /// The faults a request meets, counted down.
    pub(crate) fn of_request(&mut self, verb: Verb, target: &Target) -> Vec<Fault> {
        let met =
            self.take(|rule, fault| !fault.is_of_streams() && rule.matches(verb, target, None), usize::MAX);
        met.into_iter().map(|(fault, _)| fault).collect()
    }

    /// The first fault of this sort that an open watch meets, counted down. `event` is the name of the object whose
    /// event is about to be sent.
    pub(crate) fn of_stream(
        &mut self,
        ask: &Ask,
        event: Option<&str>,
        sort: fn(&Fault) -> bool,
    ) -> Option<Counted> {
        let met = self.take(|rule, fault| sort(fault) && rule.matches(Verb::Watch, &ask.target, event), 1);
        met.first().map(|(_, counted)| *counted)
    }

    fn take(&mut self, matches: impl Fn(&Rule, &Fault) -> bool, most: usize) -> Vec<(Fault, Counted)> {
        let mut met = Vec::new();
        for (_, rule, fault) in &mut self.rules {
            if met.len() == most || !matches(rule, fault) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            let counted = rule.times.map_or(Counted::UntilRemoved, |_| Counted::Once);
            rule.times = rule.times.map(|left| left.saturating_sub(1));
            met.push((fault.clone(), counted));
        }
        self.rules.retain(|(_, rule, _)| rule.times != Some(0));
        met
    }
}

/// How long a fault holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Once,
    UntilRemoved,
}

/// The faults of one client: made by [`crate::FakeApi::faults`].
#[derive(Clone)]
pub struct Faults {
    pub(crate) core: Arc<Core>,
    pub(crate) client: String,
}

impl Faults {
    /// Adds a fault for the requests of `rule`. Several rules may meet one request: delays add up, then the first of
    /// the others decides.
    pub fn inject(&self, rule: Rule, fault: Fault) -> RuleId {
        self.change(|faults| {
            faults.next += 1;
            let id = RuleId(faults.next);
            faults.rules.push((id, rule, fault));
            id
        })
    }

    /// Removes a rule; one that is used up is gone already.
    pub fn remove(&self, id: RuleId) {
        self.change(|faults| faults.rules.retain(|(other, ..)| *other != id));
    }

    /// Ends every fault of this client.
    pub fn clear(&self) {
        self.change(|faults| *faults = ClientFaults { next: faults.next, ..ClientFaults::default() });
    }

    /// From now on reads and watches of this client are served as of `version`; writes go through.
    pub fn stale_at(&self, version: u64) {
        self.change(|faults| faults.view = Some(version));
    }

    /// Freezes the client's view as it is now.
    pub fn stale(&self) {
        let version = self.core.state().store.version;
        self.stale_at(version);
    }

    /// Ends a stale view: watches deliver what they held back.
    pub fn fresh(&self) {
        self.change(|faults| faults.view = None);
    }

    /// Cuts this client off (`true`) or lets it back (`false`): see [`crate::FakeApi::down`].
    pub fn down(&self, down: bool) {
        self.change(|faults| faults.down = down.then_some(Down::Down));
    }

    fn change<T>(&self, change: impl FnOnce(&mut ClientFaults) -> T) -> T {
        self.core.change(|state| change(state.faults_of(&self.client)))
    }
}

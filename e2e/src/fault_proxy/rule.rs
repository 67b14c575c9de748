//! What the control port takes: which calls are disturbed, and how.

use serde::{Deserialize, Serialize};

use super::call::Call;

/// One disturbance. The first rule that matches a call counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// The calls it is about; all of them if nothing is said.
    #[serde(default, rename = "match")]
    pub matcher: Matcher,
    /// Matching calls, or events of a stream, that are let through first.
    #[serde(default)]
    pub skip: u64,
    /// How many are disturbed then; absent: all. Has no meaning for stalls and silence, which last while the rule is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How.
    pub fault: Fault,
}

/// Which calls. What is absent, or an empty list, matches all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Matcher {
    /// get, list, watch, create, update, patch, delete.
    pub verbs: Vec<String>,
    /// Plural of the resource.
    pub resource: Option<String>,
    /// Sub-resource; empty: the object itself.
    pub subresource: Option<String>,
    /// Namespace; empty: all namespaces at once, or an object of none.
    pub namespace: Option<String>,
    /// Name of the object.
    pub name: Option<String>,
    /// How the user agent begins.
    pub user_agent: Option<String>,
}

/// A disturbance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind", deny_unknown_fields)]
pub enum Fault {
    /// The call is held so long before it is passed on. One that its caller gives up is never passed on.
    Delay {
        /// 0 to 3600.
        seconds: f64,
    },
    /// It is answered here.
    Answer {
        /// An HTTP status from 400 to 599.
        status: u16,
        /// The header of this name, in seconds.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// It is never answered, and a stream under way falls silent; what comes meanwhile comes when the rule has gone.
    Stall,
    /// A stream is opened, and falls silent.
    Silence,
    /// A stream tells an error with code 410, and ends.
    Gone,
    /// An event of a stream is left out.
    Drop,
    /// The connection ends without an answer; a stream, in its middle.
    Cut,
    /// Reads are answered as the first one after the rule came was, and look at nothing newer.
    Stale,
}

/// A rule and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// The rule.
    pub rule: Rule,
    /// Calls or events that matched.
    pub matched: u64,
    /// Of these, how many were disturbed.
    pub disturbed: u64,
    /// Delayed or stalled calls that their callers gave up.
    pub given_up: u64,
    /// The longest time after which a caller gave up.
    pub given_up_after_seconds: f64,
}

impl Matcher {
    /// Whether it is about this call.
    pub fn matches(&self, call: &Call) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        (self.verbs.is_empty() || self.verbs.iter().any(|verb| verb == call.verb))
            && is(&self.resource, &call.resource)
            && is(&self.subresource, &call.subresource)
            && is(&self.namespace, &call.namespace)
            && is(&self.name, &call.name)
            && self.user_agent.as_ref().is_none_or(|start| call.user_agent.starts_with(start.as_str()))
    }
}

impl Rule {
    /// Why it can't be played; `None` if it can.
    pub fn complaint(&self) -> Option<String> {
        match self.fault {
            Fault::Delay { seconds } if !(0.0..=3600.0).contains(&seconds) => {
                Some(format!("a delay of {seconds} s: it has to be from 0 to 3600"))
            }
            Fault::Answer { status, .. } if !(400..600).contains(&status) => {
                Some(format!("an answer with status {status}: it has to be from 400 to 599"))
            }
            _ => None,
        }
    }
}

impl From<Rule> for Applied {
    fn from(rule: Rule) -> Self {
        Self { rule, matched: 0, disturbed: 0, given_up: 0, given_up_after_seconds: 0.0 }
    }
}

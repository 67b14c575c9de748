//! Asks the workers that are awake whether their loops come round.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::pulse::{Next, Question};
use crate::admission::WorkerId;
use crate::core::Core;
use crate::worker::Command;

/// Between two looks while a worker is awake: half of what is a stall.
const AWAKE: Duration = Duration::from_millis(5);
/// While all of them sleep.
const ASLEEP: Duration = Duration::from_millis(25);

/// Watches until the server ends.
pub(crate) async fn watch_pulses(core: Arc<Core>) {
    let mut questions = HashMap::new();
    loop {
        questions = look(&core, &questions);
        sleep(if questions.is_empty() { ASLEEP } else { AWAKE }).await;
    }
}

/// Looks at every worker once; returns what is being asked then.
fn look(core: &Core, before: &HashMap<WorkerId, Question>) -> HashMap<WorkerId, Question> {
    let threads = core.cpu.threads().into_iter();
    let questions = threads.filter_map(|(worker, thread)| {
        let pulse = core.pulses.of(worker);
        match pulse.look(core.clock.now(), thread, before.get(&worker).copied()) {
            Next::Rest => None,
            Next::Wait(question) => Some((worker, question)),
            Next::Ask(question) => {
                core.roster.send(worker, Command::Beat).ok()?;
                Some((worker, question))
            }
        }
    });
    questions.collect()
}

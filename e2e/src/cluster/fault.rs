//! A part of the cluster that a test breaks and mends.

use anyhow::Context;

use super::command::output;
use super::component::Component;
use super::place::Place;

/// A kubelet or an API server. Nothing mends it by itself: a test that breaks it also mends it.
#[derive(Debug)]
pub struct Faulty(Kind);

#[derive(Debug)]
enum Kind {
    Component(Box<Component>),
    Container(InContainer),
}

/// What to run in a node's container, as shell lines.
#[derive(Debug)]
pub(super) struct InContainer {
    /// The container.
    pub node: String,
    /// Ends it, and keeps it from coming back.
    pub stop: &'static str,
    /// Lets it come back.
    pub start: &'static str,
    /// Its name among the processes.
    pub process: &'static str,
}

impl Faulty {
    pub(super) fn component(place: &Place, name: &str) -> anyhow::Result<Self> {
        Ok(Self(Kind::Component(Box::new(Component::find(place, name)?))))
    }

    pub(super) fn container(container: InContainer) -> Self {
        Self(Kind::Container(container))
    }

    /// Ends it as a crash would (KILL).
    pub fn stop(&self) -> anyhow::Result<()> {
        match &self.0 {
            Kind::Component(component) => component.kill(),
            Kind::Container(container) => container.run(container.stop),
        }
    }

    /// Starts it again as it was. One that runs is left alone. Ready is it later.
    pub fn start(&mut self) -> anyhow::Result<()> {
        match &mut self.0 {
            Kind::Component(component) => component.start(),
            Kind::Container(container) => container.run(container.start),
        }
    }

    /// Stops it where it is (STOP): connections stay open and unanswered.
    pub fn pause(&self) -> anyhow::Result<()> {
        match &self.0 {
            Kind::Component(component) => component.pause(),
            Kind::Container(container) => container.run(&format!("pkill -STOP -x {}", container.process)),
        }
    }

    /// Lets it go on after [`Faulty::pause`].
    pub fn resume(&self) -> anyhow::Result<()> {
        match &self.0 {
            Kind::Component(component) => component.resume(),
            Kind::Container(container) => container.run(&format!("pkill -CONT -x {}", container.process)),
        }
    }
}

impl InContainer {
    fn run(&self, script: &str) -> anyhow::Result<()> {
        docker_exec(&self.node, script).map(drop)
    }
}

/// Runs shell lines in a node's container; gives what they printed.
pub(super) fn docker_exec(node: &str, script: &str) -> anyhow::Result<String> {
    let mut docker = std::process::Command::new("docker");
    docker.args(["exec", node, "sh", "-ec", script]);
    output(&mut docker).with_context(|| format!("on {node}"))
}

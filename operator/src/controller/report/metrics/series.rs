//! A metric with labels, which knows its series, so that those of an object can go with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The first two labels of everything that is about one service.
pub(super) const OBJECT: [&str; 2] = ["namespace", "scaledservice"];

type Labels = Vec<(&'static str, String)>;
type Key = (String, String);
type FloatGauge = Gauge<f64, AtomicU64>;
type FloatCounter = Counter<f64, AtomicU64>;

/// What a metric is, for whoever reads its documentation or writes a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyInfo {
    /// The whole name, as it is queried; a histogram's series add `_bucket`, `_sum` and `_count` to it.
    pub name: String,
    /// Counter, gauge or histogram.
    pub kind: &'static str,
    /// What it measures.
    pub help: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
}

/// Everything that is registered, in order.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) registry: Registry,
    pub(super) families: Vec<FamilyInfo>,
}

impl Catalogue {
    pub(super) fn new() -> Self {
        Self { registry: Registry::with_prefix("headroom"), families: Vec::new() }
    }

    pub(super) fn gauge(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Gauges {
        let series = Series::new(labels);
        self.add(name, "gauge", help, labels, series.family.clone());
        Gauges(series)
    }

    /// The name is without `_total`, which the text format adds.
    pub(super) fn counter(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Counters {
        let series = Series::new(labels);
        self.add(name, "counter", help, labels, series.family.clone());
        Counters(series)
    }

    pub(super) fn histogram(&mut self, name: &'static str, help: &'static str, buckets: &[f64]) -> Histogram {
        let histogram = Histogram::new(buckets.iter().copied());
        self.add(name, "histogram", help, &[], histogram.clone());
        histogram
    }

    fn add(
        &mut self,
        name: &'static str,
        kind: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
        metric: impl EncodeMetric + Debug + Send + Sync + 'static,
    ) {
        let total = if kind == "counter" { "_total" } else { "" };
        self.families.push(FamilyInfo { name: format!("headroom_{name}{total}"), kind, help, labels });
        // The registry ends the help with a full stop itself.
        self.registry.register(name, help.trim_end_matches('.'), Always(metric));
    }
}

/// Shows its description even without a series, so that a metric's existence does not depend on what happened.
#[derive(Debug)]
struct Always<M>(M);

impl<M: EncodeMetric> EncodeMetric for Always<M> {
    fn encode(&self, encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.0.encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        self.0.metric_type()
    }

    fn is_empty(&self) -> bool {
        false
    }
}

/// Values that go up and down.
#[derive(Debug)]
pub struct Gauges(Series<FloatGauge>);

/// Values that only grow.
#[derive(Debug)]
pub struct Counters(Series<FloatCounter>);

impl Gauges {
    /// Sets the series with these label values, in the order of the labels.
    pub fn set(&self, labels: &[&str], value: f64) {
        let labels = self.0.labels(labels);
        self.0.family.get_or_create(&labels).set(value);
        self.0.remember(labels);
    }

    /// Sets the series, or removes it when there is no value.
    pub fn set_or_remove(&self, labels: &[&str], value: Option<f64>) {
        match value {
            Some(value) => self.set(labels, value),
            None => self.remove(labels),
        }
    }

    /// Removes the series.
    pub fn remove(&self, labels: &[&str]) {
        let labels = self.0.labels(labels);
        self.0.family.remove(&labels);
        if let Some(made) = self.0.made().get_mut(&key(&labels)) {
            made.remove(&labels);
        }
    }

    /// Removes the series of an object whose further label values are not among `kept`.
    pub(super) fn keep(&self, namespace: &str, name: &str, kept: &[Vec<&str>]) {
        let mut made = self.0.made();
        let Some(made) = made.get_mut(&(namespace.to_owned(), name.to_owned())) else { return };
        made.retain(|labels| {
            let further = labels.iter().skip(OBJECT.len()).map(|(_, value)| value.as_str());
            let keeps = kept.iter().any(|kept| further.clone().eq(kept.iter().copied()));
            if !keeps {
                self.0.family.remove(labels);
            }
            keeps
        });
    }

    pub(super) fn forget(&self, namespace: &str, name: &str) {
        self.0.forget(namespace, name);
    }
}

impl Counters {
    /// Adds to the series with these label values, in the order of the labels.
    pub fn add(&self, labels: &[&str], by: f64) {
        let labels = self.0.labels(labels);
        self.0.family.get_or_create(&labels).inc_by(by.max(0.0));
        self.0.remember(labels);
    }

    /// Adds one.
    pub fn count(&self, labels: &[&str]) {
        self.add(labels, 1.0);
    }

    pub(super) fn forget(&self, namespace: &str, name: &str) {
        self.0.forget(namespace, name);
    }
}

#[derive(Debug)]
struct Series<M> {
    family: Family<Labels, M>,
    names: &'static [&'static str],
    /// The series of each object.
    made: Mutex<BTreeMap<Key, BTreeSet<Labels>>>,
}

impl<M: Default + Clone + TypedMetric> Series<M> {
    fn new(names: &'static [&'static str]) -> Self {
        let series = Self { family: Family::default(), names, made: Mutex::default() };
        if names.is_empty() {
            drop(series.family.get_or_create(&Vec::new())); // a value without labels is there from the start
        }
        series
    }

    fn labels(&self, values: &[&str]) -> Labels {
        debug_assert_eq!(self.names.len(), values.len(), "labels {:?}, values {values:?}", self.names);
        self.names.iter().copied().zip(values.iter().map(|value| (*value).to_owned())).collect()
    }

    fn remember(&self, labels: Labels) {
        if self.names.starts_with(&OBJECT) {
            self.made().entry(key(&labels)).or_default().insert(labels);
        }
    }

    fn forget(&self, namespace: &str, name: &str) {
        let made = self.made().remove(&(namespace.to_owned(), name.to_owned()));
        for labels in made.into_iter().flatten() {
            self.family.remove(&labels);
        }
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<Key, BTreeSet<Labels>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(labels: &Labels) -> Key {
    let value = |index: usize| labels.get(index).map_or(String::new(), |(_, value)| value.clone());
    (value(0), value(1))
}

//! PURE: the pods of a namespace, and which of them a selector means.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

use super::SeenPod;
use super::selector::PodSelector;

/// With fewer pods or fewer services than these, looking at each pod for each service costs less than an index.
const FEW: (usize, usize) = (64, 4);

/// The pods of a namespace.
#[derive(Debug, Clone, Default)]
pub struct Pods {
    all: Vec<Arc<SeenPod>>,
    /// How many services look at them.
    services: usize,
    /// Places of the pods with each label, by the hash of key and value; made when it is first asked for.
    by_label: OnceLock<HashMap<u64, Vec<usize>>>,
}

/// Those of a namespace without any.
pub static NONE: Pods = Pods { all: Vec::new(), services: 0, by_label: OnceLock::new() };

impl Pods {
    /// One more pod.
    pub fn add(&mut self, pod: Arc<SeenPod>) {
        self.all.push(pod);
        self.by_label = OnceLock::new();
    }

    /// One more service looks at them.
    pub fn add_service(&mut self) {
        self.services += 1;
    }

    /// Those that the selector means, in an order that is the same at every look.
    pub fn selected(&self, selector: &PodSelector) -> Vec<Arc<SeenPod>> {
        let none = BTreeMap::new();
        let matches = |pod: &&Arc<SeenPod>| selector.matches(pod.labels().unwrap_or(&none));
        let mut pods: Vec<_> = match self.places(selector) {
            Some(places) => {
                places.iter().filter_map(|place| self.all.get(*place)).filter(matches).cloned().collect()
            }
            None => self.all.iter().filter(matches).cloned().collect(),
        };
        pods.sort_by(|a, b| a.id().cmp(b.id()));
        pods
    }

    /// Places of pods among which are all that are meant; `None` where each has to be looked at.
    fn places(&self, selector: &PodSelector) -> Option<&[usize]> {
        if self.all.len() < FEW.0 || self.services < FEW.1 {
            return None;
        }
        let by_label = self.by_label.get_or_init(|| index(&self.all));
        let of_label =
            |(key, value): &(String, String)| by_label.get(&hash(key, value)).map_or(&[][..], Vec::as_slice);
        selector.equal().iter().map(of_label).min_by_key(|places| places.len())
    }
}

fn index(pods: &[Arc<SeenPod>]) -> HashMap<u64, Vec<usize>> {
    let mut index = HashMap::<u64, Vec<usize>>::new();
    for (place, pod) in pods.iter().enumerate() {
        for (key, value) in pod.labels().into_iter().flatten() {
            index.entry(hash(key, value)).or_default().push(place);
        }
    }
    index
}

/// Labels of one hash are told apart by the selector.
fn hash(key: &str, value: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key, value).hash(&mut hasher);
    hasher.finish()
}

impl FromIterator<Arc<SeenPod>> for Pods {
    fn from_iter<T: IntoIterator<Item = Arc<SeenPod>>>(pods: T) -> Self {
        Self { all: pods.into_iter().collect(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::fixtures::{pod, ready, with};
    use super::super::selector::parse;
    use super::*;

    fn labelled((number, labels): (usize, &[u8; 3])) -> Arc<SeenPod> {
        let [app, tier, zone] = labels.map(|value| value.to_string());
        let labels = json!({ "app": app, "tier": tier, "zone": zone });
        let name = format!("orders-{number:03}");
        pod(with(ready(1), json!({ "metadata": { "name": name, "uid": name, "labels": labels } })))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]

        /// Whether they are looked up or looked at one by one.
        #[test]
        fn an_index_changes_no_selection(
            labels in prop::collection::vec(prop::array::uniform3(0u8..3), 0..150),
            text in "app=[0-3](,tier(=|!=)[0-3])?(,zone in \\([0-3],[0-3]\\))?|zone notin \\([0-3]\\)|tier",
        ) {
            let few: Pods = labels.iter().enumerate().map(labelled).collect();
            let mut many = few.clone();
            (0..FEW.1).for_each(|_| many.add_service());
            let selector = parse(&text).unwrap();
            prop_assert_eq!(few.places(&selector), None);
            prop_assert_eq!(few.selected(&selector), many.selected(&selector));
        }
    }
}

//! A sparse log-linear histogram of durations: mergeable over processes and over time.

use std::fmt;

use serde::de::{Error, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// log2 of the buckets in each power of two: 32 buckets, so a bucket is at most 1/32 wide and its middle is at most
/// 1.6 % away from any value in it.
const SUB_BUCKET_BITS: u32 = 5;
/// Values are kept in units of 1 us; what is longer than 2^27 us (134 s) counts as that.
const MAX_MICROS: u64 = 1 << 27;

/// Counts of durations in log-linear buckets.
///
/// The wire form holds only buckets that are not empty, as `[index, count]` pairs in ascending order. A bucket with
/// index `i` below 32 holds `i` us exactly; above, with `e = i / 32 - 1` and `m = i % 32`, it holds
/// `[(32 + m) * 2^e, (33 + m) * 2^e)` us.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram {
    #[serde(deserialize_with = "ascending")]
    buckets: Vec<(u16, u64)>,
}

/// Sums of powers of the recorded durations, for means and variances of differences.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    /// Number of durations.
    pub count: f64,
    /// Sum of the durations, in seconds.
    pub sum: f64,
    /// Sum of the squared durations, in seconds squared.
    pub sum_of_squares: f64,
}

impl Histogram {
    /// Number of buckets a dense array needs to hold every index.
    pub const BUCKETS: usize = bucket_of(MAX_MICROS) as usize + 1;

    /// From dense counts, one for each index; see [`Histogram::index`].
    pub fn from_dense(counts: impl IntoIterator<Item = u64>) -> Self {
        let buckets = (0u16..).zip(counts).filter(|(_, count)| *count > 0).collect();
        Self { buckets }
    }

    /// The bucket of a duration in microseconds.
    pub const fn index(micros: u64) -> usize {
        bucket_of(if micros > MAX_MICROS { MAX_MICROS } else { micros }) as usize
    }

    /// Number of recorded durations.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Sums over all recorded durations, each taken as the middle of its bucket.
    pub fn moments(&self) -> Moments {
        let mut moments = Moments::default();
        for &(index, count) in &self.buckets {
            let (value, count) = (middle_seconds(index), count as f64);
            moments.count += count;
            moments.sum += count * value;
            moments.sum_of_squares += count * value * value;
        }
        moments
    }

    /// The duration in seconds below which the share `quantile` (0 to 1) of the recorded ones lies; `None` when
    /// nothing was recorded.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let total = self.count();
        let rank = (quantile.clamp(0.0, 1.0) * total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        self.buckets.iter().find_map(|&(index, count)| {
            seen = count.saturating_add(seen);
            (seen >= rank).then(|| middle_seconds(index))
        })
    }

    /// Number of recorded durations of at most `seconds`, each taken as the middle of its bucket.
    pub fn count_within(&self, seconds: f64) -> u64 {
        let within = self.buckets.iter().take_while(|(index, _)| middle_seconds(*index) <= seconds);
        within.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Adds another histogram's counts.
    pub fn merge(&mut self, other: &Self) {
        let mut merged = Vec::with_capacity(self.buckets.len().max(other.buckets.len()));
        let (mut ours, mut theirs) = (self.buckets.iter().peekable(), other.buckets.iter().peekable());
        while let (Some(&&(a, x)), Some(&&(b, y))) = (ours.peek(), theirs.peek()) {
            merged.push((a.min(b), (if a <= b { x } else { 0 }).saturating_add(if b <= a { y } else { 0 })));
            if a <= b {
                ours.next();
            }
            if b <= a {
                theirs.next();
            }
        }
        merged.extend(ours.chain(theirs));
        self.buckets = merged;
    }

    /// What was recorded since `earlier`; counts that went backwards count as zero.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut before = earlier.buckets.iter().peekable();
        let buckets = self.buckets.iter().filter_map(|&(index, count)| {
            while before.next_if(|(b, _)| *b < index).is_some() {}
            let known = before.next_if(|(b, _)| *b == index).map_or(0, |(_, c)| *c);
            let fresh = count.saturating_sub(known);
            (fresh > 0).then_some((index, fresh))
        });
        Self { buckets: buckets.collect() }
    }
}

/// Reads buckets in ascending order. So there are no more of them than the format has, whatever a server sends.
fn ascending<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(u16, u64)>, D::Error> {
    struct Ascending;

    impl<'de> Visitor<'de> for Ascending {
        type Value = Vec<(u16, u64)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "[index, count] pairs with ascending indices below {}", Histogram::BUCKETS)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
            let mut buckets: Self::Value = Vec::new();
            while let Some((index, count)) = pairs.next_element::<(u16, u64)>()? {
                let ascends = buckets.last().is_none_or(|(last, _)| *last < index);
                if !ascends || usize::from(index) >= Histogram::BUCKETS {
                    return Err(A::Error::invalid_value(Unexpected::Unsigned(index.into()), &self));
                }
                buckets.push((index, count));
            }
            Ok(buckets)
        }
    }

    deserializer.deserialize_seq(Ascending)
}

const fn bucket_of(micros: u64) -> u16 {
    if micros < (1 << SUB_BUCKET_BITS) {
        return micros as u16;
    }
    let exponent = micros.ilog2() - SUB_BUCKET_BITS;
    (((exponent as u64) << SUB_BUCKET_BITS) + (micros >> exponent)) as u16
}

fn middle_seconds(index: u16) -> f64 {
    let index = u32::from(index);
    let sub_buckets = 1 << SUB_BUCKET_BITS;
    if index < sub_buckets {
        return (f64::from(index) + 0.5) * 1e-6;
    }
    let exponent = (index / sub_buckets - 1).min(63);
    (f64::from(sub_buckets + index % sub_buckets) + 0.5) * (1u64 << exponent) as f64 * 1e-6
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(micros: &[u64]) -> Histogram {
        let mut dense = vec![0; Histogram::BUCKETS];
        for &value in micros {
            dense[Histogram::index(value)] += 1;
        }
        Histogram::from_dense(dense)
    }

    #[test]
    fn longer_than_the_range_counts_as_the_longest() {
        assert_eq!(Histogram::index(u64::MAX), Histogram::BUCKETS - 1);
    }

    #[test]
    fn counts_within_a_bound_are_those_below_it() {
        let histogram = of(&[100, 1000, 10_000]);
        assert_eq!([0.0, 0.0005, 0.005, 1.0].map(|seconds| histogram.count_within(seconds)), [0, 1, 2, 3]);
    }

    #[test]
    fn only_ascending_buckets_of_the_format_are_read() {
        let read = serde_json::from_str::<Histogram>;
        assert_eq!(read("[[3,1],[736,2]]").unwrap().count(), 3);
        for text in ["[[3,1],[3,1]]", "[[4,1],[3,1]]", "[[737,1]]", "[[3,-1]]", "[[3]]", "{}"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn quantile_of_nothing_is_none() {
        assert_eq!(Histogram::default().quantile(0.99), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn a_value_is_at_most_two_percent_from_its_bucket(micros in 32u64..MAX_MICROS) {
            let middle = of(&[micros]).quantile(0.5).unwrap();
            let value = micros as f64 * 1e-6;
            prop_assert!((middle - value).abs() <= 0.02 * value, "{middle} for {value}");
        }

        #[test]
        fn merging_and_subtracting_are_inverse(
            a in prop::collection::vec(0u64..1_000_000, 0..50),
            b in prop::collection::vec(0u64..1_000_000, 0..50),
        ) {
            let (first, second) = (of(&a), of(&b));
            let mut both = first.clone();
            both.merge(&second);
            prop_assert_eq!(&both, &of(&[a, b].concat()));
            prop_assert_eq!(both.since(&first), second);
        }

        #[test]
        fn any_wire_form_gives_finite_sums(buckets in prop::collection::vec((any::<u16>(), any::<u64>()), 0..20)) {
            let histogram = Histogram { buckets };
            prop_assert!(histogram.count() >= histogram.count_within(1.0));
            let moments = histogram.moments();
            prop_assert!(moments.sum.is_finite() && moments.sum_of_squares.is_finite());
        }
    }
}

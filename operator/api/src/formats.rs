//! The text formats of the API: each pattern once, beside the words that tell a person what fits.
//!
//! The schema carries the pattern, so the API server and the file loader agree; the loader prints
//! the words, because nobody should have to read a regular expression.

/// A text format: what the schema checks and what a person is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    /// The regular expression of the schema; always anchored.
    pub(crate) pattern: &'static str,
    /// What a fitting value is, with an example; completes "must be ...".
    pub(crate) expected: &'static str,
    /// Longest value, in characters.
    pub(crate) max: u32,
}

pub(crate) const DURATION: Format = Format {
    pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$",
    expected: "a duration with a unit (h, m, s or ms), for example \"50ms\" or \"1m30s\"",
    max: 28,
};

pub(crate) const QUANTILE: Format = Format {
    pattern: r"^0\.[0-9]{0,4}[1-9]0{0,4}$",
    expected: "a quantile between 0 and 1 in quotes with at most 5 decimals, for example \"0.99\" (for p99, the 99th \
               percentile)",
    max: 11,
};

pub(crate) const AVAILABILITY: Format = Format {
    pattern: r"^[5-9][0-9](\.[0-9]{1,4})?$",
    expected: "a percentage in quotes from \"50\" to \"99.9999\", for example \"99.95\" \
               (100 would leave no error budget, and no service holds that)",
    max: 7,
};

pub(crate) const TOLERANCE: Format = Format {
    pattern: r"^(0|0?\.[0-9]{1,3}|[0-9]{1,3}m)$",
    expected: "a share below 1 in quotes, for example \"0.1\" or \"100m\"",
    max: 5,
};

pub(crate) const CPU: Format = Format {
    pattern: r"^([0-9]{1,6}m|[0-9]{1,4}(\.[0-9]{1,3})?)$",
    expected: "CPUs, for example 2, \"0.5\" or \"500m\"",
    max: 8,
};

pub(crate) const MEMORY: Format = Format {
    pattern: r"^[0-9]{1,15}(\.[0-9]{1,3})?(k|Ki|M|Mi|G|Gi|T|Ti)?$",
    expected: "bytes with an optional unit (k, Ki, M, Mi, G, Gi, T, Ti), for example \"256Mi\"",
    max: 21,
};

pub(crate) const WORKERS: Format = Format {
    pattern: "^Auto$",
    expected: "Auto or a whole number of threads from 1 to 1024 (without quotes)",
    max: 4,
};

pub(crate) const LABEL: Format = Format {
    pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    expected: "lower-case letters, digits and '-', with a letter or digit at both ends",
    max: 63,
};

pub(crate) const SERVICE_NAME: Format = Format {
    pattern: "^[a-z]([-a-z0-9]*[a-z0-9])?$",
    expected: "lower-case letters, digits and '-', beginning with a letter and ending with a letter or digit \
               (a Service is named after it)",
    max: 52,
};

pub(crate) const OBJECT_NAME: Format = Format {
    pattern: r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
    expected: "lower-case letters, digits, '-' and '.', with a letter or digit at both ends",
    max: 253,
};

pub(crate) const IMAGE: Format = Format {
    pattern: r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$",
    expected: "a container image, for example \"registry.example.com/shop/orders:1.4\"",
    max: 512,
};

pub(crate) const ENV_NAME: Format = Format {
    pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
    expected: "letters, digits and '_', not beginning with a digit",
    max: 128,
};

pub(crate) const API_VERSION: Format = Format {
    pattern: r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[0-9][a-z0-9]*$",
    expected: "a group and version, for example \"apps/v1\"",
    max: 253,
};

pub(crate) const KIND: Format = Format {
    pattern: "^[A-Z][A-Za-z0-9]*$",
    expected: "a kind in the singular with a capital letter, for example \"Deployment\"",
    max: 63,
};

pub(crate) const LABEL_KEY: Format = Format {
    pattern: r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
    expected: "a label key, for example \"kubernetes.io/arch\" or \"team\"",
    max: 316,
};

pub(crate) const LABEL_VALUE: Format = Format {
    pattern: "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$",
    expected: "at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends",
    max: 63,
};

pub(crate) const MOUNT_PATH: Format = Format {
    pattern: "^/[^:/][^:]*$",
    expected: "an absolute path below '/', without ':', for example \"/etc/orders\"",
    max: 256,
};

/// Every format that stands in a schema.
pub(crate) const ALL: [Format; 17] = [
    DURATION,
    QUANTILE,
    AVAILABILITY,
    TOLERANCE,
    CPU,
    MEMORY,
    WORKERS,
    LABEL,
    SERVICE_NAME,
    OBJECT_NAME,
    IMAGE,
    ENV_NAME,
    API_VERSION,
    KIND,
    LABEL_KEY,
    LABEL_VALUE,
    MOUNT_PATH,
];

/// The words for a pattern found in a schema.
pub(crate) fn expected(pattern: &str) -> Option<&'static str> {
    ALL.iter().find(|format| format.pattern == pattern).map(|format| format.expected)
}

//! The custom resources of headroom.dev: types, validation, manifests, and the strict loader for YAML files.

pub mod conditions;

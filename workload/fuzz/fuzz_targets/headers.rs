//! See `headroom_workload::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| headroom_workload::fuzz::headers(bytes));

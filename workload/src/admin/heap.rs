//! `GET /debug/heap`: what the allocator holds, and the process of the system's memory.
#![allow(unsafe_code)] // mimalloc counts what it holds, but can be asked through its C functions alone

use std::ffi::{CStr, c_char};

use axum::Json;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;

/// What mimalloc tells in its own words has a few hundred numbers.
const MAX_BYTES: usize = 64 * 1024;

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Heap {
    allocator: &'static str,
    /// Bytes of memory in use, now and at most.
    resident_bytes: usize,
    peak_resident_bytes: usize,
    /// Bytes that the allocator has from the system.
    committed_bytes: usize,
    peak_committed_bytes: usize,
    page_faults: usize,
    /// As the allocator counts.
    statistics: Option<Box<RawValue>>,
}

pub(super) async fn heap() -> Result<Json<Heap>, (StatusCode, &'static str)> {
    let heap = Heap::now();
    if heap.committed_bytes == 0 {
        return Err((StatusCode::NOT_FOUND, "this program does not allocate with mimalloc\n"));
    }
    Ok(Json(heap))
}

impl Heap {
    fn now() -> Self {
        let [mut elapsed, mut user, mut system] = [0; 3];
        let [mut resident, mut peak_resident, mut committed, mut peak_committed, mut faults] = [0; 5];
        // SAFETY: each pointer is to a number that outlives the call, which keeps none of them.
        unsafe {
            libmimalloc_sys::mi_process_info(
                &raw mut elapsed,
                &raw mut user,
                &raw mut system,
                &raw mut resident,
                &raw mut peak_resident,
                &raw mut committed,
                &raw mut peak_committed,
                &raw mut faults,
            );
        }
        Self {
            allocator: "mimalloc",
            resident_bytes: resident,
            peak_resident_bytes: peak_resident,
            committed_bytes: committed,
            peak_committed_bytes: peak_committed,
            page_faults: faults,
            statistics: statistics(),
        }
    }
}

/// `None` if it is not the JSON that it should be.
fn statistics() -> Option<Box<RawValue>> {
    let mut buffer: Vec<c_char> = vec![0; MAX_BYTES];
    // SAFETY: the buffer is as long as is said; what is written ends with a zero within it.
    let text = unsafe {
        let written = libmimalloc_sys::mi_stats_get_json(MAX_BYTES, buffer.as_mut_ptr());
        if written.is_null() {
            return None;
        }
        CStr::from_ptr(written)
    };
    RawValue::from_string(text.to_str().ok()?.trim().to_owned()).ok()
}

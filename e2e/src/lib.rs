//! What end-to-end tests need: the programs that users get, started as users start them, and ways to look at them from
//! outside.

pub mod chart;
pub mod cluster;
pub mod fault_proxy;
pub mod process;
pub mod programs;
pub mod schemas;
pub mod suite;
pub mod wait;

//! Each guard with all others off.

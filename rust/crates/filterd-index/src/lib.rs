//! The rule index.

//! The contract between Temblor and its connectors: values, batches, traits, registration and the C ABI.

#[allow(unsafe_code)]
pub mod value;

//! Secrets in configurations: references to environment variables and files, and what is never shown.

mod mask;
mod resolve;
mod template;
mod written;

use temblor_pdk::OwnedValue;

pub use mask::Secrets;
pub(crate) use resolve::{Environment, Resolver, check};

impl Secrets {
    /// Adds what is written in a configuration for keys that its JSON Schema marks with `x-secret`, or whose names say
    /// that they are secret, such as `password`. References stand for secrets and are none themselves.
    pub fn add_written(&self, schema: &str, config: &OwnedValue) {
        let texts = written::secrets(schema, config);
        let texts = texts.iter().filter(|text| !Secrets::refers(text));
        texts.for_each(|text| self.add(text));
    }

    /// Whether a text of a configuration has a reference, such as `${env:NAME}`.
    #[must_use]
    pub fn refers(text: &str) -> bool {
        let parts = template::parse(text).unwrap_or_default();
        let mut parts = parts.iter();
        parts.any(|part| matches!(part, template::Part::Reference(_)))
    }
}

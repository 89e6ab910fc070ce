//! An embedded event-processing engine: sources, pipelines, sinks, with connectors built in or loaded.

//! The A/B harness: pipelines, baselines and reports.

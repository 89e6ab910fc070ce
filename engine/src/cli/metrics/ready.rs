//! Whether the program does what it is there for, and if not, what is missing.

use serde::Serialize;
use temblor::{ConnectorReport, ConnectorState, FlowReport, FlowState};

/// Whether all flows run and all their connectors work.
#[derive(Serialize)]
pub(super) struct Readiness {
    ready: bool,
    /// What is not as it should be.
    waiting_for: Vec<Missing>,
}

/// A flow or a connector that does not do its work.
#[derive(Serialize)]
struct Missing {
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connector: Option<String>,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Readiness {
    pub(super) fn of(started: bool, flows: &[FlowReport]) -> Readiness {
        let mut waiting_for = Vec::new();
        if !started {
            waiting_for.push(Missing {
                flow: None,
                connector: None,
                state: "starting".to_owned(),
                reason: Some("not all flows have been started".to_owned()),
            });
        }
        for flow in flows {
            waiting_for.extend(stands(flow));
            let connectors = flow.connectors.iter();
            let missing = connectors.filter(|connector| is_missing(connector.state));
            waiting_for.extend(missing.map(|connector| Missing::of(flow, connector)));
        }
        Readiness {
            ready: waiting_for.is_empty(),
            waiting_for,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    pub(super) fn json(&self) -> String {
        // Texts and flags can always be written.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

/// A flow that does not run.
fn stands(flow: &FlowReport) -> Option<Missing> {
    (flow.state != FlowState::Running).then(|| Missing {
        flow: Some(flow.name.clone()),
        connector: None,
        state: flow.state.as_str().to_owned(),
        reason: flow.error.clone(),
    })
}

fn is_missing(state: ConnectorState) -> bool {
    matches!(
        state,
        ConnectorState::Initialised
            | ConnectorState::Connecting
            | ConnectorState::Quarantined
            | ConnectorState::Failed
    )
}

impl Missing {
    fn of(flow: &FlowReport, connector: &ConnectorReport) -> Missing {
        Missing {
            flow: Some(flow.name.clone()),
            connector: Some(connector.name.clone()),
            state: connector.state.as_str().to_owned(),
            reason: connector.error.as_ref().map(ToString::to_string),
        }
    }
}

//! What Alertmanager says about itself, said by Stormbell; and the shapes of its answers for the document.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use model::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::RECEIVER;
use crate::problem::Problem;
use crate::request::Call;
use crate::{Api, import, instant};

/// An alert that fires, as Alertmanager writes it.
#[derive(ToSchema)]
#[schema(as = Alert, rename_all = "camelCase")]
#[allow(dead_code, reason = "documents a shape that is rendered by hand")]
pub(super) struct AlertDocument {
    fingerprint: String,
    #[schema(format = DateTime)]
    starts_at: String,
    #[schema(format = DateTime)]
    ends_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    annotations: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    #[schema(rename = "generatorURL")]
    generator_url: Option<String>,
    receivers: Vec<ReceiverDocument>,
    status: AlertStatusDocument,
}

/// Where an alert stands.
#[derive(ToSchema)]
#[schema(as = AlertStatus, rename_all = "camelCase")]
#[allow(dead_code, reason = "documents a shape that is rendered by hand")]
pub(super) struct AlertStatusDocument {
    /// `suppressed` while it is silenced or inhibited, else `active`, or `unprocessed` while it has no incident.
    state: String,
    silenced_by: Vec<String>,
    inhibited_by: Vec<String>,
}

/// The alerts of one incident.
#[derive(ToSchema)]
#[schema(as = AlertGroup)]
#[allow(dead_code, reason = "documents a shape that is rendered by hand")]
pub(super) struct AlertGroupDocument {
    alerts: Vec<AlertDocument>,
    labels: BTreeMap<String, String>,
    receiver: ReceiverDocument,
}

/// A receiver.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receiver)]
pub(super) struct ReceiverDocument {
    /// Always `stormbell`.
    name: &'static str,
}

/// What Alertmanager says about itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlertmanagerStatus)]
pub(super) struct StatusDocument {
    cluster: ClusterDocument,
    config: ConfigDocument,
    /// When the process started.
    #[schema(format = DateTime)]
    uptime: String,
    version_info: VersionDocument,
}

/// The gossip cluster that there is not.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertmanagerCluster)]
pub(super) struct ClusterDocument {
    peers: Vec<String>,
    status: &'static str,
}

/// The configuration that was imported, or one that an Alertmanager would have that does the same.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertmanagerConfig)]
pub(super) struct ConfigDocument {
    original: String,
}

/// What is running.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlertmanagerVersion)]
pub(super) struct VersionDocument {
    branch: &'static str,
    build_date: &'static str,
    build_user: &'static str,
    go_version: &'static str,
    /// Stormbell's own version.
    revision: String,
    /// The version of Alertmanager whose API is spoken.
    version: &'static str,
}

/// Clients choose their dialect by the version (Karma) or complain when it is not theirs (amtool), so it is
/// that of the Alertmanager whose API this is.
const SPOKEN_VERSION: &str = "0.25.0";

const CONFIGURATION: &str = "route:\n  receiver: stormbell\nreceivers:\n- name: stormbell\n";

/// What is running
#[utoipa::path(
    get, path = "/api/v2/status", tag = "alertmanager",
    responses((status = 200, description = "Version, start and configuration", body = StatusDocument)),
)]
pub(super) async fn get_status(
    State(api): State<Api>,
    call: Call,
) -> Result<Json<StatusDocument>, Problem> {
    call.require(&[Scope::Read])?;
    let build = &api.ports().build;
    let original = import::original(&api, call.project()).await?;
    Ok(Json(StatusDocument {
        cluster: ClusterDocument { peers: Vec::new(), status: "disabled" },
        config: ConfigDocument { original: original.unwrap_or_else(|| CONFIGURATION.to_owned()) },
        uptime: instant::write_millis(build.started_at),
        version_info: VersionDocument {
            branch: "stormbell",
            build_date: "",
            build_user: "stormbell",
            go_version: "",
            revision: format!("stormbell {} {}", build.version, build.revision)
                .trim_end()
                .to_owned(),
            version: SPOKEN_VERSION,
        },
    }))
}

/// List receivers
#[utoipa::path(
    get, path = "/api/v2/receivers", tag = "alertmanager",
    responses((status = 200, description = "The one there is", body = Vec<ReceiverDocument>)),
)]
pub(super) async fn list_receivers(call: Call) -> Result<Json<[ReceiverDocument; 1]>, Problem> {
    call.require(&[Scope::Read])?;
    Ok(Json([ReceiverDocument { name: RECEIVER }]))
}

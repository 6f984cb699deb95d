//! What answers gRPC: the stream door, health and reflection, behind the same connections as HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use http::{Request, Response};
use http_body_util::Either;
use hyper::body::Incoming;
use ingest::{Doors, IngestService};
use proto::v1::ingest_server::IngestServer;
use tonic::transport::server::TcpConnectInfo;
use tower::ServiceExt;

use super::connections::Answer;
use super::http::Body;

/// The gRPC services behind one address.
#[derive(Clone)]
pub(super) struct Services(Router);

impl Services {
    pub(super) async fn new(doors: Arc<Doors>) -> anyhow::Result<Self> {
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<IngestServer<IngestService>>().await;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .context("the gRPC descriptors cannot be served")?;
        let ingest = IngestService::new(doors).into_server();
        let routes =
            tonic::service::Routes::new(ingest).add_service(health).add_service(reflection);
        Ok(Self(routes.prepare().into_axum_router()))
    }
}

impl Answer for Services {
    fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<Body>> + Send + 'static {
        let router = self.0.clone();
        async move {
            let info = TcpConnectInfo { local_addr: None, remote_addr: Some(peer) };
            request.extensions_mut().insert(info);
            let answer = router.oneshot(request.map(axum::body::Body::new)).await;
            answer.unwrap_or_else(|never| match never {}).map(Either::Right)
        }
    }
}

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
pub(super) struct Services {
    routes: Router,
    doors: Arc<Doors>,
}

impl Services {
    pub(super) async fn new(doors: Arc<Doors>) -> anyhow::Result<Self> {
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<IngestServer<IngestService>>().await;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .context("the gRPC descriptors cannot be served")?;
        let ingest = IngestService::new(Arc::clone(&doors)).into_server();
        let routes =
            tonic::service::Routes::new(ingest).add_service(health).add_service(reflection);
        Ok(Self { routes: routes.prepare().into_axum_router(), doors })
    }
}

impl Answer for Services {
    fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<Body>> + Send + 'static {
        let Self { routes, doors } = self.clone();
        async move {
            let info = TcpConnectInfo { local_addr: None, remote_addr: Some(peer) };
            request.extensions_mut().insert(info);
            let request = request.map(|body| axum::body::Body::new(doors.message_body(body)));
            let answer = routes.oneshot(request).await;
            answer.unwrap_or_else(|never| match never {}).map(Either::Right)
        }
    }
}

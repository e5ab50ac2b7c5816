//! Which service a request is for: told by its path, `/package.Service/Method`.

use super::admin::Admin;
use super::service::Service as Api;
use super::too_large;
use crate::broker::{Broker, Scope};
use crate::config::Limits;
use crate::programs::Programs;
use gpiod_proto::v1::admin_service_server::{self, AdminServiceServer};
use gpiod_proto::v1::gpio_service_server::{GpioServiceServer, SERVICE_NAME};
use hyper::Request;
use hyper::body::Incoming;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::Response;
use tonic::server::NamedService;
use tonic_health::pb::health_server::{Health, HealthServer};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

/// The name of the health service.
const HEALTH: &str = "grpc.health.v1.Health";

type Boxed = BoxCloneSyncService<Request<Incoming>, Response<Body>, Infallible>;

/// All services of one socket.
#[derive(Clone)]
pub(super) struct Services {
    api: GpioServiceServer<Api>,
    /// Health and reflection, and the administrator's orders, by name.
    others: Arc<[(&'static str, Boxed)]>,
    broker: Arc<Broker>,
    /// The limits of its connections.
    pub(super) limits: Limits,
}

impl Services {
    /// The services of a socket.
    ///
    /// # Errors
    /// When the description of the API is damaged, which would be a defect of the build.
    pub(super) fn new(
        broker: Arc<Broker>,
        programs: Arc<Programs>,
        scope: Scope,
        admin: Option<Admin>,
        health: HealthServer<impl Health>,
    ) -> io::Result<Self> {
        let limits = *broker.limits();
        let most = limits.message_bytes as usize;
        // The description is of the whole API; what this socket does not serve is not listed.
        let reflection = |itself: &'static str| {
            let admin = admin.as_ref().map(|_| admin_service_server::SERVICE_NAME);
            let served = [SERVICE_NAME, HEALTH, itself].into_iter().chain(admin);
            let described = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(gpiod_proto::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
            served.fold(described, |described, name| described.with_service_name(name))
        };
        let v1 = reflection("grpc.reflection.v1.ServerReflection").build_v1().map_err(io::Error::other)?;
        // As many clients still ask for it.
        let v1alpha = reflection("grpc.reflection.v1alpha.ServerReflection");
        let v1alpha = v1alpha.build_v1alpha().map_err(io::Error::other)?;
        let mut others = vec![
            boxed(health.max_decoding_message_size(most)),
            boxed(v1.max_decoding_message_size(most)),
            boxed(v1alpha.max_decoding_message_size(most)),
        ];
        if let Some(admin) = admin {
            others.push(boxed(AdminServiceServer::new(admin).max_decoding_message_size(most)));
        }
        let api = GpioServiceServer::new(Api::new(Arc::clone(&broker), programs, scope))
            .max_decoding_message_size(most);
        Ok(Self { api, others: others.into(), broker, limits })
    }

    /// Answers a request.
    pub(super) async fn call(self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path();
        let name = path.strip_prefix('/').and_then(|path| path.split_once('/')).map_or("", |(name, _)| name);
        let answered = if name == SERVICE_NAME {
            self.api.oneshot(request).await
        } else if let Some((_, service)) = self.others.iter().find(|(known, _)| *known == name) {
            service.clone().oneshot(request).await
        } else {
            return Status::unimplemented(format!("there is no {path:?} here; the API is {SERVICE_NAME}"))
                .into_http();
        };
        match answered {
            Ok(response) => too_large::answer(response, &self.broker),
            Err(never) => match never {},
        }
    }
}

fn boxed<S>(service: S) -> (&'static str, Boxed)
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + NamedService,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    (S::NAME, BoxCloneSyncService::new(service))
}

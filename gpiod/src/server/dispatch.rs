//! Which service a request is for: told by its path, `/package.Service/Method`.

use super::admin::Admin;
use super::answers::{Answering, Gone};
use super::backlog::Backlog;
use super::doors::Door;
use super::health::Health;
use super::messages::Messages;
use super::places::Places;
use super::reflection::Reflection;
use super::service::Service as Api;
use super::streams::{StreamPlace, Streams};
use crate::broker::{Broker, Scope};
use crate::config::Limits;
use crate::error::Error;
use crate::holder::Caller;
use crate::programs::Programs;
use gpiod_proto::v1::admin_service_server;
use gpiod_proto::v1::gpio_service_server::SERVICE_NAME;
use h2::RecvStream;
use prost::Message;
use std::sync::Arc;
use tonic::Status;
use tonic::codegen::http::Request;

/// What is told of a path that is not here; the longest of ours has 59.
const PATH_CHARS: usize = 64;
/// What is told whoever gives orders elsewhere.
const NO_ORDERS: &str = "orders to the daemon as a whole are taken on the admin socket alone, admin/gpiod.sock in its run directory";

/// All services of one socket.
#[derive(Clone, Debug)]
pub(super) struct Services {
    api: Api,
    others: Arc<Others>,
    broker: Arc<Broker>,
    streams: Places,
}

/// The services beside the API's own.
#[derive(Debug)]
struct Others {
    health: Health,
    /// The administrator's orders, where they are taken.
    admin: Option<Admin>,
}

/// What a client sends on a stream, as it comes.
#[derive(Debug)]
pub(super) struct Incoming {
    body: RecvStream,
    broker: Arc<Broker>,
    backlog: Arc<Backlog>,
}

impl Incoming {
    /// Its messages.
    pub(super) fn messages<Q: Message + Default>(self) -> Messages<Q> {
        Messages::new(self.body, self.broker, self.backlog)
    }
}

impl Services {
    /// The services of a socket.
    pub(super) fn new(
        broker: Arc<Broker>,
        programs: Arc<Programs>,
        (scope, door): (Scope, &Door),
        admin: Option<Admin>,
        health: Health,
    ) -> Self {
        let api = Api { broker: Arc::clone(&broker), programs, scope, watches: door.watches.clone() };
        let others = Arc::new(Others { health, admin });
        Self { api, others, broker, streams: door.streams.clone() }
    }

    /// The limits of its connections.
    pub(super) fn limits(&self) -> &Limits {
        self.broker.limits()
    }

    /// The streams of one more connection.
    pub(super) fn streams(&self) -> Streams {
        Streams::new(self.streams.clone())
    }

    /// A place for one more stream of a connection.
    ///
    /// # Errors
    /// [`Error::LimitReached`].
    pub(super) fn enter(&self, streams: &Streams) -> Result<StreamPlace, Error> {
        streams.enter(self.limits()).inspect_err(|full| self.broker.count_refusal(full))
    }

    /// Answers a request. Each answer's future holds no more than it needs, as a watch or a session may last for days:
    /// the headers go here, and of the services each but the API has its own allocation, made when it is called.
    pub(super) fn answer(
        self,
        request: Request<RecvStream>,
        answering: Answering,
        (caller, backlog): (Caller, Arc<Backlog>),
    ) -> impl Future<Output = ()> + Send + use<> {
        let (head, body) = request.into_parts();
        let uri = head.uri;
        let request = Incoming { body, broker: Arc::clone(&self.broker), backlog };
        async move {
            let path = uri.path();
            let (name, method) =
                path.strip_prefix('/').and_then(|path| path.split_once('/')).unwrap_or_default();
            let answered = if name == SERVICE_NAME {
                self.api.call(method, caller, request, answering).await
            } else {
                Box::pin(self.answer_beside((path, name, method), caller, request, answering)).await
            };
            if answered.is_err() {
                tracing::debug!(pid = caller.pid, "a client has gone before its answer");
            }
        }
    }

    /// Answers a request that is not for the API.
    async fn answer_beside(
        &self,
        (path, name, method): (&str, &str, &str),
        caller: Caller,
        request: Incoming,
        answering: Answering,
    ) -> Result<(), Gone> {
        let Others { health, admin } = &*self.others;
        if name == Health::NAME {
            health.call(method, request.messages(), answering).await
        } else if let Some(reflection) = Reflection::named(name) {
            reflection.call(admin.is_some(), method, request.messages(), answering).await
        } else if name == admin_service_server::SERVICE_NAME {
            match admin {
                Some(admin) => admin.call(method, caller, request, answering).await,
                None => answering.fail(Error::NotPermitted(NO_ORDERS.to_owned()).into()),
            }
        } else {
            // Cut, for the answer waits in memory until its client reads it.
            let path: String = path.chars().take(PATH_CHARS).collect();
            let text = format!("there is no {path:?} here; the API is {SERVICE_NAME}");
            answering.fail(Status::unimplemented(text))
        }
    }
}
